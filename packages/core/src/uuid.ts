// UUIDs of records (RFC 9562): version 7 for live ones, version 8 derived from where an imported one came
// from.
import { randomBytes, sha256 } from '#primitives'
import { type Bytes, formatHex, utf8, Writer } from './bytes.ts'

/** Version 7: 48 bits of milliseconds since 1970, then random. */
export function liveId(now: number): string {
  const bytes = new Writer()
    .uint16(Math.floor(now / 2 ** 32))
    .uint32(now % 2 ** 32)
    .bytes(randomBytes(10))
    .finish()
  return format(bytes, 7)
}

/**
 * Version 8: the first 16 bytes of a SHA-256 over the file's digest, the line and the bucket, so that an
 * import that is run again gives each record the id it had.
 */
export function importId(fileDigest: Uint8Array, line: number, bucket: string): string {
  const writer = new Writer().bytes16(utf8('ledgerstone import v1')).bytes16(fileDigest)
  return format(sha256(writer.uint64(line).bytes16(utf8(bucket)).finish()).slice(0, 16), 8)
}

/**
 * Version 8: the first 16 bytes of a SHA-256 over the id of a key exchange and a kid, so that a registration
 * that is asked for again is the same one.
 */
export function registrationId(exchange: string, kid: string): string {
  const writer = new Writer().bytes16(utf8('ledgerstone registration v1'))
  return format(sha256(writer.bytes16(utf8(exchange)).bytes16(utf8(kid)).finish()).slice(0, 16), 8)
}

function format(bytes: Bytes, version: number): string {
  bytes[6] = ((bytes[6] as number) & 0x0f) | (version << 4)
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = formatHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
