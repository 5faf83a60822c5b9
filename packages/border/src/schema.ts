import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'

/** What Fastify's validator compiler is given and must return. */
type Route = { readonly schema: unknown; readonly httpPart?: string }
type Outcome = { readonly value: unknown } | { readonly error: Error }

/**
 * Fastify's validator compiler of the house: nothing is dropped, nothing is coerced (Fastify's own default
 * does both: an unknown field of a request would vanish unnoticed). Query parameters arrive as text, so
 * exactly those that the schema calls integer or boolean are read, strictly: decimal digits, `true`, `false`.
 * A schema is compiled when a request first needs it, not at every start.
 */
export function createValidatorCompiler(): (route: Route) => (data: unknown) => Outcome {
  const ajv = createAjv()
  return ({ schema, httpPart }) => {
    let validate: ValidateFunction | undefined
    const fromText = httpPart === 'querystring' || httpPart === 'params'
    const kinds = fromText ? kindsOf(schema) : undefined
    return (data) => {
      validate ??= ajv.compile(schema as object)
      const value = kinds === undefined ? data : readText(data, kinds)
      if (validate(value)) return { value }
      const errors = fromText ? (repeated(value) ?? validate.errors) : validate.errors
      return { error: failureOf(errors ?? [], httpPart) }
    }
  }
}

/**
 * Draft 7, strict: unknown keywords and formats of a schema are our own mistakes and throw when it is
 * compiled.
 */
export function createAjv(
  options: { readonly allErrors?: boolean; readonly useDefaults?: boolean } = {},
): Ajv {
  const ajv = new Ajv({
    strict: true,
    // Strictness sees mistakes in a schema; compiling a schema of schemas as well takes 20 ms of every start.
    meta: false,
    validateSchema: false,
    removeAdditional: false,
    coerceTypes: false,
    useDefaults: true,
    allowUnionTypes: true,
    ...options,
  })
  addFormats.default(ajv)
  // Words that OpenAPI adds to a schema; they say nothing about validity.
  ajv.addVocabulary(['example', 'xml', 'externalDocs', 'discriminator', 'kind'])
  return ajv
}

/** One failed schema check: where, and `wordsOf` it. */
export function describeError(error: ErrorObject): string {
  return `${error.instancePath} ${wordsOf(error)}`
}

/** What is wrong with a value, to be said after its name. */
export function wordsOf({ keyword, params, message }: ErrorObject): string {
  const unknown: unknown = params['additionalProperty'] ?? params['unevaluatedProperty']
  if (unknown !== undefined) return `has an unknown member ${JSON.stringify(String(unknown).slice(0, 80))}`
  if (keyword === givenOnce) return 'is given more than once'
  if (keyword === 'const') return `must be ${JSON.stringify(params['allowedValue'])}`
  const allowed: unknown = params['allowedValues']
  if (!Array.isArray(allowed)) return message ?? keyword
  return `must be one of ${allowed.map((value) => JSON.stringify(value)).join(', ')}`
}

/** Not a word of schemas: what a query parameter must be. */
const givenOnce = 'given once'

type Kind = 'integer' | 'boolean'

function kindsOf(schema: unknown): ReadonlyMap<string, Kind> {
  const properties = (schema as { properties?: Record<string, { type?: unknown }> }).properties ?? {}
  const kinds = new Map<string, Kind>()
  for (const [name, { type }] of Object.entries(properties)) {
    if (type === 'integer' || type === 'boolean') kinds.set(name, type)
  }
  return kinds
}

function readText(data: unknown, kinds: ReadonlyMap<string, Kind>): unknown {
  if (typeof data !== 'object' || data === null || kinds.size === 0) return data
  const read: Record<string, unknown> = { ...data }
  for (const [name, kind] of kinds) {
    const text = read[name]
    if (typeof text !== 'string') continue
    if (kind === 'integer' && /^(?:0|[1-9][0-9]{0,15})$/.test(text)) read[name] = Number(text)
    if (kind === 'boolean' && (text === 'true' || text === 'false')) read[name] = text === 'true'
  }
  return read
}

/** A parameter that stands in a query twice is a list, of which a schema only says that it is no text. */
function repeated(value: unknown): readonly ErrorObject[] | undefined {
  const [name] = Object.entries(value as object).find(([, one]) => Array.isArray(one)) ?? []
  if (name === undefined) return undefined
  return [{ keyword: givenOnce, instancePath: `/${name}`, schemaPath: '', params: {} }]
}

/** The shape that Fastify expects of a failed validation, so that its error handler sees `validation`. */
function failureOf(errors: readonly ErrorObject[], httpPart: string | undefined): Error {
  const message = errors.map((error) => `${httpPart ?? 'request'}${describeError(error)}`).join('; ')
  return Object.assign(new Error(message), {
    validation: errors,
    validationContext: httpPart,
    statusCode: 400,
  })
}
