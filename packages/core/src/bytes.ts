import { type Bytes, decodeText, type Encoding, encodeText } from '#primitives'
import { Refused } from './refused.ts'

/** Bytes with a buffer of their own kind: what Web Crypto, sockets and files all take. */
export type { Bytes }

/** A SHA-256 value: 32 bytes. */
export type Hash = Bytes

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8(text: string): Bytes {
  return encoder.encode(text)
}

/** Throws `malformed` when the bytes are not valid UTF-8. `what` names them in the message. */
export function textOf(bytes: Uint8Array, what: string): string {
  try {
    return strictDecoder.decode(bytes)
  } catch (cause) {
    throw new Refused('malformed', `${what} is not UTF-8`, { cause })
  }
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

/** Lower-case hexadecimal. */
export function formatHex(bytes: Uint8Array): string {
  return encodeText(bytes, 'hex')
}

/** Strict: lower case, even length; `bytes`, when given, is the exact number of bytes. Throws `malformed`. */
export function parseHex(text: string, what: string, bytes?: number): Bytes {
  return parseStrict(text, what, bytes, 'hex')
}

/** Standard alphabet with padding (RFC 4648 section 4). */
export function formatBase64(bytes: Uint8Array): string {
  return encodeText(bytes, 'base64')
}

export function parseBase64(text: string, what: string, bytes?: number): Bytes {
  return parseStrict(text, what, bytes, 'base64')
}

/** URL-safe alphabet without padding (RFC 4648 section 5, RFC 7515). */
export function formatBase64url(bytes: Uint8Array): string {
  return encodeText(bytes, 'base64url')
}

export function parseBase64url(text: string, what: string, bytes?: number): Bytes {
  return parseStrict(text, what, bytes, 'base64url')
}

const names = { hex: 'lower-case hexadecimal', base64: 'base64', base64url: 'base64url' } as const

/** Decode, encode again, compare: the usual decoders take several spellings of the same bytes. */
function parseStrict(text: string, what: string, bytes: number | undefined, encoding: Encoding): Bytes {
  const decoded = decodeText(text, encoding)
  if (decoded === undefined) {
    throw new Refused('malformed', `${what} is not ${names[encoding]} in its one spelling`)
  }
  return checkLength(decoded, what, bytes)
}

function checkLength(decoded: Bytes, what: string, bytes: number | undefined): Bytes {
  if (bytes !== undefined && decoded.length !== bytes) {
    throw new Refused('malformed', `${what} has ${decoded.length} bytes, not ${bytes}`)
  }
  return decoded
}

/** By width in bytes: the first integer that does not fit. */
const ends = [0, 2 ** 8, 2 ** 16, 0, 2 ** 32, 0, 0, 0, 2 ** 64]

/** Writes unsigned big-endian integers and byte strings one after the other. */
export class Writer {
  #out: Bytes
  #at = 0

  /** `capacity`: how many bytes there will be; with the exact number nothing is copied. */
  constructor(capacity = 256) {
    this.#out = new Uint8Array(capacity)
  }

  uint8(value: number): this {
    this.#check(value, 1)
    this.#out[this.#at++] = value
    return this
  }
  uint16(value: number): this {
    this.#check(value, 2)
    this.#out[this.#at++] = value >>> 8
    this.#out[this.#at++] = value
    return this
  }
  uint32(value: number): this {
    this.#check(value, 4)
    for (let shift = 24; shift >= 0; shift -= 8) this.#out[this.#at++] = value >>> shift
    return this
  }
  uint64(value: number): this {
    this.#check(value, 8)
    return this.uint32(Math.floor(value / 2 ** 32)).uint32(value % 2 ** 32)
  }
  bytes(value: Uint8Array): this {
    this.#room(value.length)
    this.#out.set(value, this.#at)
    this.#at += value.length
    return this
  }
  /** `u16 n` followed by n bytes. */
  bytes16(value: Uint8Array): this {
    return this.uint16(value.length).bytes(value)
  }
  finish(): Bytes {
    return this.#at === this.#out.length ? this.#out : this.#out.slice(0, this.#at)
  }

  /** Throws unless the value fits; makes room for it. */
  #check(value: number, width: number): void {
    if (!Number.isSafeInteger(value) || value < 0 || value >= (ends[width] as number)) {
      throw new RangeError(`${value} does not fit ${width} bytes`)
    }
    this.#room(width)
  }
  #room(bytes: number): void {
    const end = this.#at + bytes
    if (end <= this.#out.length) return
    const wider = new Uint8Array(Math.max(end, 2 * this.#out.length))
    wider.set(this.#out)
    this.#out = wider
  }
}

/** Reads what `Writer` writes. Every read is bounded; `finish` refuses trailing bytes. Throws `malformed`. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  get at(): number {
    return this.#at
  }
  uint8(): number {
    return this.#integer(1)
  }
  uint16(): number {
    return this.#integer(2)
  }
  uint32(): number {
    return this.#integer(4)
  }
  /** Refuses values above 2^53 - 1 rather than rounding them. */
  uint64(): number {
    const value = this.#integer(8)
    if (!Number.isSafeInteger(value)) throw new Refused('malformed', `${this.#what}: an integer is too large`)
    return value
  }
  /** A copy of the next `count` bytes. */
  bytes(count: number): Bytes {
    return new Uint8Array(this.#take(count))
  }
  bytes16(): Bytes {
    return this.bytes(this.uint16())
  }
  finish(): void {
    if (this.#at !== this.#bytes.length) throw new Refused('malformed', `${this.#what} has trailing bytes`)
  }

  #integer(width: number): number {
    let value = 0
    for (const byte of this.#take(width)) value = value * 256 + byte
    return value
  }
  #take(count: number): Uint8Array {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new Refused('malformed', `${this.#what} is cut short`)
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }
}
