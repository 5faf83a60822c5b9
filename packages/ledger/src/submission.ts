// What a caller sends to be appended: a sealed record or, for the key registry, a statement with a body.
import { isObject, membersOf, textMember } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'
import { parseSealed } from '@ledgerstone/core/sealed'
import { parseStatement } from '@ledgerstone/core/statement'
import type { Submission } from '@ledgerstone/log/admit'

/**
 * `{statement, envelope}`, or `{statement}` when the statement has a body. Strict; the envelope is the one
 * that the statement names, its signature is not checked yet. Throws `malformed`, `unknown-field`,
 * `wrong-digest`, `too-large`...
 */
export function parseSubmission(value: unknown): Submission {
  if (isObject(value) && !Object.hasOwn(value, 'envelope')) return parseBare(value)
  return parseSealed(value)
}

function parseBare(value: unknown): Submission {
  const { statement: jws } = membersOf(value, 'the sealed record', ['statement'])
  const statement = parseStatement(textMember(jws, 'statement'))
  if (statement.payload.content !== undefined) {
    throw new Refused('malformed', 'the sealed record lacks "envelope"')
  }
  return { statement }
}
