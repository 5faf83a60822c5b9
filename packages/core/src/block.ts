/*
 * One entry of a bucket, the Merkle leaf, as exactly these bytes (members in this order, no white space):
 *
 *     {"v":1,"bucket":"payments","index":7,"time":"2026-11-23T03:17:00.000Z","prev":"<64 hex>","keys":12,
 *      "statement":"<JWS>"}                                                 on one line, at most 65,535 bytes
 */
import { type Bytes, formatHex, type Hash, parseHex, utf8 } from './bytes.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'
import { formatTime, parseTime } from './time.ts'

export type Block = {
  readonly bucket: string
  readonly index: number
  /** Milliseconds since 1970: max(now, time of the previous block). */
  readonly time: number
  /** Hash of the previous block; 32 zero bytes in block 0. */
  readonly prev: Hash
  /** Size of the `keys` bucket at admission: the registry that judges the statement. */
  readonly keys: number
  /** The statement's JWS. */
  readonly statement: string
}

/** `prev` of block 0. */
export const noHash: Hash = new Uint8Array(32)

/** Throws `too-large`. */
export function formatEntry(block: Block): Bytes {
  const { bucket, index, time, prev, keys, statement } = block
  const text =
    `{"v":1,"bucket":"${bucket}","index":${index},"time":"${formatTime(time)}",` +
    `"prev":"${formatHex(prev)}","keys":${keys},"statement":"${statement}"}`
  const entry = utf8(text)
  if (entry.length > limits.entryBytesMax) throw new Refused('too-large', 'the entry is too long')
  return entry
}

/** Strict: only bytes that `formatEntry` writes. Throws `malformed`, `unknown-version` or `too-large`. */
export function parseEntry(entry: Uint8Array): Block {
  const { bucket, index, time, prev, keys, statement } = scanEntry(entry)
  return {
    bucket,
    index: integer(index),
    time: parseTime(time, 'the block time'),
    prev: parseHex(prev, 'prev', 32),
    keys: integer(keys),
    statement,
  }
}

/**
 * An entry's members as they are spelled: `index`, `keys` decimal, `time` ISO 8601 not yet checked, `prev`
 * hex.
 */
export type ScannedEntry = { readonly [name in keyof Block]: string }

/** The form of an entry without the cost of converting it; times compare as texts. */
export function scanEntry(entry: Uint8Array): ScannedEntry {
  if (entry.length > limits.entryBytesMax) throw new Refused('too-large', 'the entry is too long')
  const text = decoder.decode(entry)
  const match = head.exec(text)
  if (match === null) throw formless(text)
  const [before = '', bucket = '', index = '', time = '', prev = '', keys = ''] = match
  if (!holdsStatement(entry, before.length)) throw formless(text)
  return { bucket, index, time, prev, keys, statement: text.slice(before.length, -2) }
}

/**
 * Whether from byte `from` on there is a statement of at least one character, and then the end of an entry.
 * Most of an entry is its statement: by a table of pairs of bytes this is six times as fast as by a regular
 * expression.
 */
export function holdsStatement(entry: Uint8Array, from: number): boolean {
  const end = entry.length - 2
  if (from >= end || entry[end] !== quote || entry[end + 1] !== brace) return false
  const { buffer, byteOffset } = entry
  // Views of 16 bits begin at even places of the buffer.
  const first = from + ((byteOffset + from) % 2)
  const count = (end - first) >> 1
  const pairs = new Uint16Array(buffer, byteOffset + first, count)
  // Where the statement begins or ends at an odd place, this is a byte that no pair has.
  let allowed = allowedPairs[(entry[from] as number) * 256 + (entry[end - 1] as number)] as number
  for (let i = 0; i < count; i++) allowed &= allowedPairs[pairs[i] as number] as number
  return allowed === 1
}

function formless(text: string): Refused {
  return text.startsWith('{"v":') && !text.startsWith('{"v":1,')
    ? new Refused('unknown-version', 'the entry has a version that is not known')
    : new Refused('malformed', 'the entry is not in its exact form')
}

// The form admits ASCII only, so a byte that is not UTF-8 becomes U+FFFD and does not match. A byte order
// mark must stay.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const head = new RegExp(
  '^\\{"v":1,"bucket":"([a-z][a-z0-9-]{0,62}(?:~[1-9][0-9]{0,3})?)","index":(0|[1-9][0-9]{0,15}),' +
    '"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z)","prev":"([0-9a-f]{64})",' +
    '"keys":(0|[1-9][0-9]{0,15}),"statement":"',
)
const [quote, brace] = [0x22, 0x7d]
/** 1 for two bytes that a statement may hold, whichever comes first; otherwise 0. */
const allowedPairs = new Uint8Array(65_536)
const alphabet = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-')
for (const a of alphabet) for (const b of alphabet) allowedPairs[a * 256 + b] = 1

function integer(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Refused('malformed', 'an integer of the entry is too large')
  return value
}
