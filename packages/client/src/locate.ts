// When served entries are not those of a checkpoint: which is the first? Asked only once a verification has
// failed.
import { type Bytes, equalBytes } from '@ledgerstone/core/bytes'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import { tileWidth, widthOf } from '@ledgerstone/core/tile'
import { type Head, leafHash } from '@ledgerstone/core/tree'
import { type LogReader, proveInclusion, readLeaves } from './tiles.ts'

/** A verification that failed at one block. */
export class BadBlock extends Refused {
  readonly bucket: string
  readonly index: number

  constructor(code: RefusalCode, bucket: string, index: number, why: string, options?: ErrorOptions) {
    super(code, `block ${index} of ${bucket}: ${why}`, options)
    this.bucket = bucket
    this.index = index
  }
}

/**
 * The index of the first block whose served entry is not the one under the head's root, or undefined when it
 * cannot be told. Blocks below `linked` were served with sound links: each names the hash of the one before,
 * so that all after the first false one are false too, and halving finds it. What comes after them, up to
 * `end` (the rest of the bundle), is then read block by block. Throws `bad-proof` when the log's own tiles do
 * not fit the root.
 */
export async function firstFalseBlock(
  reader: LogReader,
  head: Head,
  linked: number,
  end: number = Math.min(head.size, (Math.floor(linked / tileWidth) + 1) * tileWidth),
): Promise<number | undefined> {
  if (linked > 0 && !(await isSigned(reader, head, linked - 1))) return halve(reader, head, linked - 1)
  for (let index = linked; index < end; index++) {
    if (!(await isSigned(reader, head, index))) return index
  }
  return undefined
}

/** The first false block up to and including `last`, which is false. */
async function halve(reader: LogReader, head: Head, last: number): Promise<number> {
  let low = 0
  let high = last
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (await isSigned(reader, head, middle)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Whether the entry that is served for a block has the hash that the checkpoint's root covers in its place.
 */
async function isSigned(reader: LogReader, head: Head, index: number): Promise<boolean> {
  const tile = Math.floor(index / tileWidth)
  const leaf = (await readLeaves(reader, tile, head.size))[index % tileWidth]
  if (leaf === undefined) throw new RangeError(`no leaf ${index} below size ${head.size}`)
  await proveInclusion(reader, leaf, index, head).catch((cause) => {
    throw new Refused('bad-proof', `tile 0/${tile} is not that of the checkpoint`, { cause })
  })
  const entry = await readEntry(reader, index, head.size)
  return entry !== undefined && equalBytes(leafHash(entry), leaf)
}

/** One entry of a bundle that may be damaged: what stands where the lengths before it lead. */
async function readEntry(reader: LogReader, index: number, size: number): Promise<Bytes | undefined> {
  const bundle = Math.floor(index / tileWidth)
  const width = widthOf(0, bundle, size)
  const name = { level: 'entries', index: bundle, width } as const
  const bytes = (await reader.tile(name)) ?? (await reader.tile({ ...name, width: tileWidth }))
  let at = 0
  for (let skip = index % tileWidth; bytes !== undefined && at + 2 <= bytes.length; skip--) {
    const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    if (end > bytes.length) return undefined
    if (skip === 0) return bytes.subarray(at + 2, end)
    at = end
  }
  return undefined
}
