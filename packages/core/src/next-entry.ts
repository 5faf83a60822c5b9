// What the entry after a given one has to be, known to the byte up to its statement before it is read:
//
//     {"v":1,"bucket":"payments","index":8,"time":"<the same>","prev":"<hash>","keys":12,"statement":"
//
// Comparing bytes costs a fraction of decoding them. Entries whose `keys` is another one, or whose index has
// a digit more, are rare enough to be scanned.
import { holdsStatement, type ScannedEntry } from './block.ts'
import { type Hash, textOf } from './bytes.ts'
import { limits } from './limits.ts'

export class NextEntry {
  readonly #head: Uint8Array
  readonly #indexAt: number
  readonly #indexEnd: number
  readonly #timeAt: number
  readonly #prevAt: number
  #time: string
  #isKnown = true

  /** `entry` is scanned and accepted, `hash` its leaf hash. */
  constructor(entry: Uint8Array, { bucket, index, time, prev, keys }: ScannedEntry, hash: Hash) {
    this.#indexAt = '{"v":1,"bucket":"","index":'.length + bucket.length
    this.#indexEnd = this.#indexAt + index.length
    this.#timeAt = this.#indexEnd + ',"time":"'.length
    this.#prevAt = this.#timeAt + time.length + '","prev":"'.length
    const end = this.#prevAt + prev.length + '","keys":,"statement":"'.length + keys.length
    this.#head = new Uint8Array(entry.subarray(0, end))
    this.#time = time
    this.advance(hash)
  }

  /**
   * The time, not yet checked, of an entry that has this head but for its time, and the form of an entry;
   * undefined when that is to be found out by `scanEntry`.
   */
  timeOf(entry: Uint8Array): string | undefined {
    const head = this.#head
    const [timeAt, timeEnd] = [this.#timeAt, this.#timeAt + this.#time.length]
    if (!this.#isKnown || entry.length > limits.entryBytesMax) return undefined
    if (differ(entry, head, 0, timeAt) || differ(entry, head, timeEnd, head.length)) return undefined
    if (!holdsStatement(entry, head.length)) return undefined
    if (differ(entry, head, timeAt, timeEnd)) {
      const time = entry.subarray(timeAt, timeEnd)
      this.#time = textOf(time, 'the block time')
      head.set(time, timeAt)
    }
    return this.#time
  }

  /** Goes on to the entry after the one with this head and `hash`. */
  advance(hash: Hash): void {
    const head = this.#head
    let at = this.#indexEnd - 1
    while (head[at] === nine) head[at--] = zero
    this.#isKnown = at >= this.#indexAt
    head[at] = (head[at] as number) + 1
    at = this.#prevAt
    for (let i = 0; i < hash.length; i++) {
      const byte = hash[i] as number
      head[at++] = hexDigits[byte >> 4] as number
      head[at++] = hexDigits[byte & 15] as number
    }
  }
}

const zero = 0x30
const nine = 0x39
const hexDigits = new TextEncoder().encode('0123456789abcdef')

function differ(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  let difference = 0
  for (let i = from; i < to; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference !== 0
}
