// JSON in the one spelling that is signed: RFC 8785 (JCS), with integers as the only numbers.
import { limits } from './limits.ts'
import { Refused } from './refused.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [name: string]: Json }

/**
 * RFC 8785: members sorted by UTF-16 code units, no white space, ECMAScript string escapes. Numbers must be
 * integers of at most 2^53 - 1, so that no reader rounds them. Throws `malformed` for anything else.
 */
export function formatCanonical(value: Json): string {
  return quickFormat(value) ?? format(value, 0)
}

/** Decodes, encodes again and compares, so that each value has one spelling. `what` names it in messages. */
export function parseCanonical(text: string, what: string): Json {
  const value = parseJson(text, what)
  if (formatCanonical(value) !== text)
    throw new Refused('malformed', `${what} is not canonical JSON (RFC 8785)`)
  return value
}

/** Plain JSON; only the syntax is checked. */
export function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    // The parser's own message quotes the text, which may hold a record in clear.
    throw new Refused('malformed', `${what} is not JSON`)
  }
}

/**
 * The members of an object that has all of `required`, perhaps some of `optional`, and no others.
 * Throws `malformed`, or `unknown-field` naming the member.
 */
export function membersOf(
  value: unknown,
  what: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Readonly<Record<string, Json | undefined>> {
  if (!isObject(value)) throw new Refused('malformed', `${what} is not an object`)
  const names = Object.keys(value)
  const members = new Members()
  for (const name of names) members[name] = value[name]
  let known = required.length
  for (const name of required) {
    if (members[name] === undefined && !Object.hasOwn(value, name))
      throw new Refused('malformed', `${what} lacks "${name}"`)
  }
  for (const name of optional) if (members[name] !== undefined) known++
  if (known !== names.length) checkKnown(names, what, required, optional)
  return members
}

function checkKnown(
  names: readonly string[],
  what: string,
  required: readonly string[],
  optional: readonly string[],
): void {
  for (const name of names) {
    if (required.includes(name) || optional.includes(name)) continue
    throw new Refused('unknown-field', `${what} has an unknown member ${JSON.stringify(name.slice(0, 64))}`)
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Throws `malformed` unless the value is a string. */
export function textMember(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Refused('malformed', `${what} is not a string`)
  return value
}

/** Throws `malformed` unless the value is an integer from 0 to 2^53 - 1. */
export function integerMember(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
    throw new Refused('malformed', `${what} is not a whole number`)
  }
  return value
}

export function listMember(value: unknown, what: string): readonly Json[] {
  if (!Array.isArray(value)) throw new Refused('malformed', `${what} is not a list`)
  return value
}

/** An object that inherits nothing, and that engines treat as well as any other. */
const Members = function Members(): void {} as unknown as new () => Record<string, Json | undefined>
Members.prototype = Object.create(null)

/**
 * What `format` writes, from the engine's own formatter, which is far faster and writes members in the order
 * in which they are; undefined when that need not be canonical, or the value cannot be written.
 */
function quickFormat(value: unknown): string | undefined {
  if (!isPlain(value, 0)) return undefined
  const text = JSON.stringify(value)
  // So a lone surrogate is written; a backslash before the letters ud as well.
  return text.includes('\\ud') ? undefined : text
}

/** Whether all in it is JSON, no deeper than the limit, and members are in their canonical order. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || depth === limits.jsonDepthMax) return false
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlain(item, depth + 1)) return false
    return true
  }
  if ('toJSON' in value) return false
  let before = ''
  for (const name of Object.keys(value)) {
    if (name < before || !isPlain((value as Record<string, unknown>)[name], depth + 1)) return false
    before = name
  }
  return true
}

/** `depth`: how many lists and objects the value stands in. */
function format(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new Refused('malformed', 'a string has a lone surrogate')
      return JSON.stringify(value)
    case 'number':
      if (!Number.isSafeInteger(value))
        throw new Refused('malformed', 'a number is not an integer below 2^53')
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      break
    default:
      throw new Refused('malformed', `JSON cannot hold a ${typeof value}`)
  }
  if (value === null) return 'null'
  if (depth === limits.jsonDepthMax)
    throw new Refused('too-large', `JSON is nested deeper than ${limits.jsonDepthMax}`)
  if (Array.isArray(value)) return `[${value.map((item) => format(item, depth + 1)).join(',')}]`
  let members = ''
  // Without a function, sort compares UTF-16 code units.
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name]
    if (member === undefined) continue
    members += `${members === '' ? '' : ','}${format(name, depth)}:${format(member, depth + 1)}`
  }
  return `{${members}}`
}
