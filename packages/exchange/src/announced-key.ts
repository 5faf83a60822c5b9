/*
 * The keys that a side announces.
 *
 *     keys   = u8 count (1 to 8) | each, ascending by kid, no duplicate: u16 n | claims
 *     claims = RFC 8785 JSON: the body of a registration (see spec/registry.md) without its proofs
 *              {assurance, key, notAfter?, notBefore?, owner, purpose, replaces?}
 */
import { type Bytes, type Reader, textOf, utf8, Writer } from '@ledgerstone/core/bytes'
import {
  formatCanonical,
  isObject,
  type JsonObject,
  parseCanonical,
  textMember,
} from '@ledgerstone/core/canonical'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { parseClaims, type Registration } from '@ledgerstone/core/registration'

/** A key and what is claimed of it; nothing is proven yet. */
export type AnnouncedKey = Registration & {
  /** The exact body that is registered for it, less its proofs. */
  readonly claims: JsonObject
  /** The kid of the key that this one is to replace. */
  readonly replaces?: string
}

export const announcedKeysMax: number = limits.exchangeKeysMax

/** Throws `malformed`, `unknown-field`, `bad-name`, `wrong-key`. */
export function announcedKey(claims: JsonObject): AnnouncedKey {
  const isRotation = Object.hasOwn(claims, 'replaces')
  const registration = parseClaims(claims, isRotation ? ['replaces'] : [])
  if (registration.roles.length > 0) throw new Refused('wrong-key', 'no roles are given by an exchange')
  if (!isRotation) return { ...registration, claims }
  return { ...registration, claims, replaces: textMember(claims['replaces'], 'replaces') }
}

/** Ascending by kid, as they are sent. Throws `wrong-key` when there are none, too many, or one twice. */
export function sortKeys<T extends { readonly kid: string }>(keys: readonly T[]): readonly T[] {
  if (keys.length === 0 || keys.length > announcedKeysMax) {
    throw new Refused('wrong-key', `a side announces 1 to ${announcedKeysMax} keys, not ${keys.length}`)
  }
  const sorted = keys.toSorted((a, b) => (a.kid < b.kid ? -1 : 1))
  if (new Set(sorted.map(({ kid }) => kid)).size !== keys.length) {
    throw new Refused('wrong-key', 'a key is announced twice')
  }
  return sorted
}

export function encodeKeys(keys: readonly AnnouncedKey[]): Bytes {
  const writer = new Writer().uint8(keys.length)
  for (const { claims } of keys) writer.bytes16(utf8(formatCanonical(claims)))
  return writer.finish()
}

/** Throws what `announcedKey` and `sortKeys` throw, and `malformed` for another order. */
export function decodeKeys(reader: Reader): readonly AnnouncedKey[] {
  const count = reader.uint8()
  const keys: AnnouncedKey[] = []
  for (let i = 0; i < count; i++) {
    const claims = parseCanonical(textOf(reader.bytes16(), 'an announced key'), 'an announced key')
    if (!isObject(claims)) throw new Refused('malformed', 'an announced key is not an object')
    keys.push(announcedKey(claims))
  }
  if (sortKeys(keys).some((key, i) => key !== keys[i])) {
    throw new Refused('malformed', 'announced keys are not in ascending order of kid')
  }
  return keys
}

/** The keys that a challenge is answered with, in the order of their announcement. */
export function receivingKeys<T extends AnnouncedKey>(keys: readonly T[]): readonly T[] {
  return keys.filter(({ purpose }) => purpose === 'receive')
}

/** The keys that sign, in the order of their announcement. */
export function signingKeys<T extends AnnouncedKey>(keys: readonly T[]): readonly T[] {
  return keys.filter(({ purpose }) => purpose === 'sign')
}
