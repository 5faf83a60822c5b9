// Sealing the same record again changes its ciphertext; the retry value tells the ledger that it is the same
// record.
import { hmacSha256, sha256 } from '#primitives'
import { type Bytes, concat, equalBytes, utf8 } from './bytes.ts'

/** First 16 bytes of HMAC-SHA-256 under the sender's retry key of id || SHA-256(record). */
export function retryValueOf(retryKey: Uint8Array, id: string, record: Uint8Array): Bytes {
  return hmacSha256(retryKey, concat(utf8(id), sha256(record))).slice(0, 16)
}

/** Whether two retry values mark one record; absent values never do. */
export function isSameRecord(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b)
}
