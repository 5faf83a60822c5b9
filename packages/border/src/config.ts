import { readFileSync } from 'node:fs'
import { textOf } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { ErrorObject } from 'ajv'
import type { Static, TSchema } from 'typebox'
import { createAjv, describeError } from './schema.ts'

/**
 * A JSON configuration file as a frozen value of the schema's type, its defaults filled in. All mistakes are
 * listed at once, unknown keys among them. Throws `bad-config`. The file holds names of key files, never
 * keys.
 */
export function readConfig<T extends TSchema>(path: string, schema: T): Static<T> {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new Refused('bad-config', `${path} cannot be read`, { cause })
  }
  let text: string
  try {
    text = textOf(bytes, path)
  } catch (cause) {
    throw new Refused('bad-config', `${path} is not UTF-8`, { cause })
  }
  return parseConfig(text, schema, path)
}

/** As `readConfig`, for a text; `what` names it in messages. */
export function parseConfig<T extends TSchema>(text: string, schema: T, what: string): Static<T> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // The position helps; the quoted text stays out, someone may have put a secret here.
    const where = /at position \d+/.exec((cause as Error).message)?.[0] ?? ''
    throw new Refused('bad-config', `${what} is not JSON ${where}`.trimEnd())
  }
  return checkConfig(value, schema, what)
}

/** As `readConfig`, for a value made in the same process. */
export function checkConfig<T extends TSchema>(value: unknown, schema: T, what: string): Static<T> {
  checkClosed(schema, what)
  const validate = createAjv({ allErrors: true, useDefaults: true }).compile(schema)
  const own = structuredClone(value)
  if (!validate(own)) {
    const mistakes = (validate.errors ?? []).map((error) => `  ${located(error)}`)
    throw new Refused('bad-config', `${what}:\n${[...new Set(mistakes)].join('\n')}`)
  }
  return freeze(own) as Static<T>
}

function located(error: ErrorObject): string {
  return error.instancePath === '' ? `the file${describeError(error)}` : describeError(error)
}

/** A schema that lets unknown keys pass is our own mistake: a misspelled key would be ignored. */
function checkClosed(schema: unknown, what: string): void {
  if (typeof schema !== 'object' || schema === null) return
  const { type, properties, additionalProperties } = schema as Record<string, unknown>
  if (type === 'object' && properties !== undefined && additionalProperties !== false) {
    throw new TypeError(`the schema of ${what} has an object that takes unknown keys`)
  }
  for (const part of Object.values(schema)) checkClosed(part, what)
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) freeze(part)
  }
  return value
}
