// The little DER (X.690) that key containers need.
import { type Bytes, concat, parseHex } from './bytes.ts'

/** AlgorithmIdentifier { rsaEncryption, NULL } (RFC 8017 A.1). */
export const rsaAlgorithm: Bytes = parseHex('300d06092a864886f70d0101010500', 'DER')

/** One DER element: tag, length in its shortest form, content of at most 65,535 bytes. */
export function element(tag: number, content: Uint8Array): Bytes {
  const length = content.length
  if (length > 0xffff) throw new RangeError(`${length} bytes in one DER element`)
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return concat(new Uint8Array([tag, ...head]), content)
}
