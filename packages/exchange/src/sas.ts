// The short authentication string: what two people compare over a channel of their own (ZRTP, RFC 6189
// section 4.4.1.1, has the idea; the commitment in message 1 leaves an attacker one blind guess).
import type { Bytes } from '@ledgerstone/core/bytes'
import { hmacSha256 } from '@ledgerstone/core/primitives/node'
import { Refused } from '@ledgerstone/core/refused'

/** Crockford's base 32: without I, L, O and U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const bits = 40

/** The first 40 bits of HMAC-SHA-256(exporter, input) as eight characters: `7XK2-M9QF`. */
export function shortString(exporter: Bytes, input: Bytes): string {
  const mac = hmacSha256(exporter, input)
  const value = mac.subarray(0, bits / 8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const text = Array.from({ length: bits / 5 }, (_, i) => {
    return alphabet[Number((value >> BigInt(bits - 5 * (i + 1))) & 31n)]
  }).join('')
  return `${text.slice(0, 4)}-${text.slice(4)}`
}

/**
 * What a person typed, as `shortString` writes it: case, hyphens, spaces, O for 0, I and L for 1. Throws
 * `malformed`.
 */
export function parseShortString(typed: string): string {
  const text = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  if (text.length !== bits / 5 || [...text].some((char) => !alphabet.includes(char))) {
    throw new Refused('malformed', 'a short string has eight letters and digits')
  }
  return `${text.slice(0, 4)}-${text.slice(4)}`
}
