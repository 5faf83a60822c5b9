// What a caller sends: JSON, and in it sealed records to be appended or, for the key registry, statements
// with a body. Called in the threads of the intake; `readBody` also for every other body.
import { readJson } from '@ledgerstone/border/json'
import { isObject, listMember, membersOf, textMember } from '@ledgerstone/core/canonical'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { parseSealed } from '@ledgerstone/core/sealed'
import { parseStatement } from '@ledgerstone/core/statement'
import type { SealedParts } from '@ledgerstone/log/submission'
import { checkMemberNames } from './member-names.ts'

/** The border's strict JSON, and no member twice. Throws `malformed`, `unknown-field`, `too-large`. */
export function readBody(body: Uint8Array): unknown {
  const { value, text } = readJson(body)
  checkMemberNames(text, value)
  return value
}

/**
 * `{statement, envelope}`, or `{statement}` when the statement has a body. Strict; the envelope is the one
 * that the statement names, its signature is not checked yet. Throws `malformed`, `unknown-field`,
 * `wrong-digest`, `too-large`...
 */
export function parseRecord(value: unknown): SealedParts {
  if (isObject(value) && !Object.hasOwn(value, 'envelope')) return parseBare(value)
  return parseSealed(value)
}

function parseBare(value: unknown): SealedParts {
  const { statement: jws } = membersOf(value, 'the sealed record', ['statement'])
  const statement = parseStatement(textMember(jws, 'statement'))
  if (statement.payload.content !== undefined) {
    throw new Refused('malformed', 'the sealed record lacks "envelope"')
  }
  return { statement }
}

/**
 * The records of a batch: the list under `records`, or the list alone. Throws `malformed`, `unknown-field`,
 * `too-large`.
 */
export function recordsOf(value: unknown): readonly unknown[] {
  const records = listMember(
    isObject(value) ? membersOf(value, 'the batch', ['records'])['records'] : value,
    'the batch',
  )
  if (records.length === 0) throw new Refused('malformed', 'the batch holds no record')
  if (records.length > limits.batchRecordsMax) {
    throw new Refused('too-large', `a batch holds at most ${limits.batchRecordsMax} records`)
  }
  return records
}

/** What the function returns or throws; an error that is no refusal is a fault of this program. */
export function attempt<T>(make: () => T): T | Error {
  try {
    return make()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
