// The little DER (X.690) that key containers need.
import { type Bytes, concat, parseHex } from './bytes.ts'
import { Refused } from './refused.ts'

/** AlgorithmIdentifier { rsaEncryption, NULL } (RFC 8017 A.1). */
export const rsaAlgorithm: Bytes = parseHex('300d06092a864886f70d0101010500', 'DER')

/** Tags of the elements that are read and written here. */
export const tags = { integer: 0x02, octets: 0x04, null: 0x05, oid: 0x06, sequence: 0x30 } as const

/** One DER element: tag, length in its shortest form, content of at most 65,535 bytes. */
export function element(tag: number, content: Uint8Array): Bytes {
  const length = content.length
  if (length > 0xffff) throw new RangeError(`${length} bytes in one DER element`)
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return concat(new Uint8Array([tag, ...head]), content)
}

/** A non-negative INTEGER below 2^32. */
export function integer(value: number): Bytes {
  const bytes = [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
  while (bytes.length > 1 && bytes[0] === 0) bytes.shift()
  if ((bytes[0] as number) >= 0x80) bytes.unshift(0)
  return element(tags.integer, new Uint8Array(bytes))
}

/**
 * Takes elements off the front, in the order in which they are asked for. It does not look for the shortest
 * form: whoever reads encodes again what was read, and compares. Throws `malformed`.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  /** The tag of the next element; undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#at]
  }

  /** The content of the next element, which must have this tag. */
  take(tag: number): Bytes {
    if (this.next !== tag) throw this.#malformed()
    const first = this.#bytes[this.#at + 1] ?? 0
    const more = first < 0x80 ? 0 : first - 0x80
    if (more > 2) throw this.#malformed()
    let length = more === 0 ? first : 0
    for (let i = 0; i < more; i++) length = (length << 8) | (this.#bytes[this.#at + 2 + i] ?? 0)
    const from = this.#at + 2 + more
    this.#at = from + length
    if (this.#at > this.#bytes.length) throw this.#malformed()
    return this.#bytes.slice(from, this.#at) as Bytes
  }

  /** What is inside the next element, a SEQUENCE. */
  sequence(): DerReader {
    return new DerReader(this.take(tags.sequence), this.#what)
  }

  /** The next element, a non-negative INTEGER below 2^32. */
  integer(): number {
    const content = this.take(tags.integer)
    if (content.length === 0 || content.length > 5 || (content[0] as number) >= 0x80) throw this.#malformed()
    const value = content.reduce((sum, byte) => sum * 256 + byte, 0)
    if (value > 0xffff_ffff) throw this.#malformed()
    return value
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw this.#malformed()
  }

  #malformed(): Refused {
    return new Refused('malformed', `${this.#what} is not in the DER that it should be in`)
  }
}
