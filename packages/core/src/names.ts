import { utf8 } from './bytes.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'

// Names end up in file paths, origins, verifier keys and metrics, so their grammar is narrow.
const ledgerName =
  /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?\/)(?:[a-z0-9][a-z0-9._-]*\/)*log$/
const bucketName = /^[a-z][a-z0-9-]{0,62}$/
const logName = /^([a-z][a-z0-9-]{0,62})(?:~([1-9][0-9]{0,3}))?$/
const typeName = /^[a-z][a-z0-9.-]{0,63}$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** The bucket that holds the key registry. */
export const keysBucket = 'keys'

/** Types that begin with this carry a `body` and are admitted only from keys with the matching role. */
const reservedTypePrefix = 'ledgerstone.'

/**
 * A ledger name is a scheme-less lower-case URL prefix that ends in `/log`, at most 150 bytes:
 * `ledger.example.com/log`. Throws `bad-name`.
 */
export function checkLedgerName(name: string): string {
  if (!ledgerName.test(name) || name.includes('..') || utf8(name).length > limits.ledgerNameBytesMax) {
    throw new Refused('bad-name', `not a ledger name: ${shown(name)}`)
  }
  return name
}

/** `[a-z][a-z0-9-]{0,62}`. Throws `bad-name`. */
export function checkBucketName(name: string): string {
  if (!bucketName.test(name)) throw new Refused('bad-name', `not a bucket name: ${shown(name)}`)
  return name
}

/**
 * Buckets that no wildcard scope covers and no configuration may declare; their successors and lanes are too.
 */
export function isReservedBucket(name: string): boolean {
  return name === keysBucket || name.startsWith(`${keysBucket}~`) || name.startsWith('ledgerstone-')
}

/** The C2SP origin of a bucket's log: ledger name, `/`, bucket; `~N` marks a successor or a lane. */
export function originOf(ledger: string, bucket: string): string {
  return `${ledger}/${bucket}`
}

/** The bucket of an origin of this ledger. Throws `wrong-log` for an origin of another ledger. */
export function bucketOfOrigin(origin: string, ledger: string): string {
  const rest = origin.startsWith(`${ledger}/`) ? origin.slice(ledger.length + 1) : ''
  if (!logName.test(rest)) throw new Refused('wrong-log', `not a log of ${ledger}: ${shown(origin)}`)
  return rest
}

/** A record type, such as `payment.captured`. Throws `bad-name`. */
export function checkTypeName(name: string): string {
  if (!typeName.test(name)) throw new Refused('bad-name', `not a record type: ${shown(name)}`)
  return name
}

export function isReservedType(name: string): boolean {
  return name.startsWith(reservedTypePrefix)
}

/** A UUID (RFC 9562) in lower case. Throws `malformed`. */
export function checkUuid(text: string, what: string): string {
  if (!uuid.test(text)) throw new Refused('malformed', `${what} is not a UUID (RFC 9562) in lower case`)
  return text
}

/** Attacker's text, bounded, for a message. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
