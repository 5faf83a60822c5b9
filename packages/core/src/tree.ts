// The Merkle tree of RFC 6962 section 2.1: SHA-256, leaves and nodes told apart by a prefix byte.
//
//     leaf  SHA-256(0x00 || entry)
//     node  SHA-256(0x01 || left || right)   left: the largest power of two smaller than the number of leaves
//     empty SHA-256("")
//
// Sizes and indexes are JavaScript numbers up to 2^53 - 1; no 32-bit operator may touch them.
import { sha256 } from '#primitives'
import type { Bytes, Hash } from './bytes.ts'
import { equalBytes } from './bytes.ts'
import { Refused } from './refused.ts'

/** The head of a log: its number of entries and the root over them. */
export type Head = { readonly size: number; readonly root: Hash }

/** The entries from `start` up to, not including, `end`. */
export type Range = { readonly start: number; readonly end: number }

/** A complete subtree: the entries from `index * 2^height`, `2^height` of them. */
export type Subtree = { readonly height: number; readonly index: number }

export const emptyRoot: Hash = sha256(new Uint8Array(0))

// Hashing is synchronous, so one buffer serves every call: a leaf is at most an entry of limits.ts and its
// prefix.
const leafScratch = new Uint8Array(65_536)
const nodeScratch = new Uint8Array(65)
nodeScratch[0] = 1

export function leafHash(entry: Uint8Array): Hash {
  const end = entry.length + 1
  const prefixed: Bytes = end <= leafScratch.length ? leafScratch.subarray(0, end) : new Uint8Array(end)
  prefixed.set(entry, 1)
  return sha256(prefixed)
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Hash {
  nodeScratch.set(left, 1)
  nodeScratch.set(right, 33)
  return sha256(nodeScratch)
}

/**
 * The right edge of a growing tree (a compact range): the roots of the complete subtrees that the size's
 * binary digits name, largest first. Appending costs one node hash on average, memory is logarithmic.
 */
export class Frontier {
  #size = 0
  #hashes: Hash[] = []

  /** Continues a tree of `size` from the roots of its complete subtrees, largest first: see `subtreesOf`. */
  static from(size: number, hashes: readonly Hash[]): Frontier {
    const subtrees = subtreesOf({ start: 0, end: checkSize(size) }).length
    if (hashes.length !== subtrees)
      throw new RangeError(`${hashes.length} subtrees, not ${subtrees}, for size ${size}`)
    const frontier = new Frontier()
    frontier.#size = size
    frontier.#hashes = hashes.map((hash) => new Uint8Array(hash))
    return frontier
  }

  get size(): number {
    return this.#size
  }

  /** `leaf` is a leaf hash. It is kept, not copied: the caller must not write to it afterwards. */
  append(leaf: Hash): void {
    const size = checkSize(this.#size + 1)
    const hashes = this.#hashes
    let top = leaf
    for (let n = this.#size; n % 2 === 1; n = (n - 1) / 2) top = nodeHash(hashes.pop() as Hash, top)
    hashes.push(top)
    this.#size = size
  }

  root(): Hash {
    return foldRight(this.#hashes)
  }

  head(): Head {
    return { size: this.#size, root: this.root() }
  }

  /** The roots of the complete subtrees, largest first: what `Frontier.from` takes. */
  hashes(): readonly Hash[] {
    return this.#hashes.slice()
  }

  clone(): Frontier {
    const copy = new Frontier()
    copy.#size = this.#size
    copy.#hashes = this.#hashes.slice()
    return copy
  }
}

/** The root over roots of neighbouring subtrees, largest first. */
export function foldRight(hashes: readonly Hash[]): Hash {
  let root = hashes.at(-1)
  if (root === undefined) return new Uint8Array(emptyRoot)
  for (let i = hashes.length - 2; i >= 0; i--) root = nodeHash(hashes[i] as Hash, root)
  return root
}

/** The complete subtrees that make up a range as the tree splits it, largest first. */
export function subtreesOf(range: Range): readonly Subtree[] {
  const subtrees: Subtree[] = []
  let { start } = range
  while (start < range.end) {
    let height = 0
    let width = 1
    while (width * 2 <= range.end - start) {
      width *= 2
      height++
    }
    subtrees.push({ height, index: start / width })
    start += width
  }
  return subtrees
}

/** The ranges whose roots are the inclusion proof (RFC 6962 section 2.1.1), from the leaf's sibling up. */
export function inclusionRanges(index: number, size: number): readonly Range[] {
  checkSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`no entry ${index} in a tree of size ${size}`)
  }
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/** The ranges whose roots are the consistency proof between two sizes (RFC 6962 section 2.1.2). */
export function consistencyRanges(oldSize: number, size: number): readonly Range[] {
  if (checkSize(oldSize) > checkSize(size)) throw new RangeError(`size ${oldSize} is not before size ${size}`)
  if (oldSize === 0 || oldSize === size) return []
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (oldSize !== end) {
    const middle = start + splitOf(end - start)
    if (oldSize <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  // The verifier has the old root itself when it is a whole subtree at the left edge.
  if (start !== 0) ranges.push({ start, end })
  return ranges.reverse()
}

/** A step up from a leaf to the root: the sibling, the side that it stands on, and the node above both. */
export type PathStep = { readonly sibling: Hash; readonly side: 'left' | 'right'; readonly node: Hash }

/**
 * Checks that `leaf` (a leaf hash) is entry `index` of the tree of `size` and `root`; RFC 9162 section
 * 2.1.3.2. The proof must have exactly the length that index and size ask for. Throws `bad-proof`.
 */
export function verifyInclusion(
  leaf: Hash,
  index: number,
  size: number,
  proof: readonly Hash[],
  root: Hash,
): void {
  checkHashes([root])
  const top = inclusionPath(leaf, index, size, proof).at(-1)?.node ?? leaf
  if (!equalBytes(top, root))
    throw new Refused('bad-proof', `the inclusion proof of entry ${index} gives another root`)
}

/** The way up that a proof of the right length describes; its last node ought to be the root. */
export function inclusionPath(
  leaf: Hash,
  index: number,
  size: number,
  proof: readonly Hash[],
): readonly PathStep[] {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new Refused('bad-proof', `there is no entry ${index} in a tree of size ${size}`)
  }
  checkHashes([leaf, ...proof])
  const path: PathStep[] = []
  let position = index
  let last = size - 1
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) throw new Refused('bad-proof', 'the inclusion proof is too long')
    const isRight = position % 2 === 1 || position === last
    hash = isRight ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
    path.push({ sibling, side: isRight ? 'left' : 'right', node: hash })
    // A node without a right neighbour moves up until it is one.
    while (isRight && position % 2 === 0 && position !== 0) {
      position = half(position)
      last = half(last)
    }
    position = half(position)
    last = half(last)
  }
  if (last !== 0) throw new Refused('bad-proof', 'the inclusion proof is too short')
  return path
}

/**
 * Checks that the tree of `next` begins with the tree of `old`; RFC 9162 section 2.1.4.2. An empty old tree
 * and an equal size take the empty proof only. Throws `bad-proof`.
 */
export function verifyConsistency(old: Head, next: Head, proof: readonly Hash[]): void {
  checkHashes([old.root, next.root, ...proof])
  if (!isSize(old.size) || !isSize(next.size) || old.size > next.size) {
    throw new Refused('bad-proof', `size ${old.size} is not before size ${next.size}`)
  }
  if (old.size === 0 || old.size === next.size) {
    if (proof.length !== 0) throw new Refused('bad-proof', 'the consistency proof is too long')
    if (!equalBytes(old.root, old.size === next.size ? next.root : emptyRoot)) throw differentRoot('old')
    if (next.size === 0 && !equalBytes(next.root, emptyRoot)) throw differentRoot('new')
    return
  }
  let position = old.size - 1
  let last = next.size - 1
  while (position % 2 === 1) {
    position = half(position)
    last = half(last)
  }
  // When the old size is a power of two the proof starts from the old root, which is then not in it.
  const hashes = position === 0 ? [old.root, ...proof] : proof
  const first = hashes[0]
  if (first === undefined) throw new Refused('bad-proof', 'the consistency proof is too short')
  let oldHash = first
  let newHash = first
  for (const sibling of hashes.slice(1)) {
    if (last === 0) throw new Refused('bad-proof', 'the consistency proof is too long')
    if (position % 2 === 1 || position === last) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
      while (position % 2 === 0 && position !== 0) {
        position = half(position)
        last = half(last)
      }
    } else {
      newHash = nodeHash(newHash, sibling)
    }
    position = half(position)
    last = half(last)
  }
  if (last !== 0) throw new Refused('bad-proof', 'the consistency proof is too short')
  if (!equalBytes(oldHash, old.root)) throw differentRoot('old')
  if (!equalBytes(newHash, next.root)) throw differentRoot('new')
}

function differentRoot(which: 'old' | 'new'): Refused {
  return new Refused('bad-proof', `the consistency proof gives another ${which} root`)
}

/** The largest power of two smaller than `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

function half(n: number): number {
  return Math.floor(n / 2)
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0
}

function checkSize(size: number): number {
  if (!isSize(size)) throw new RangeError(`${size} is not a tree size`)
  return size
}

function checkHashes(hashes: readonly Hash[]): void {
  for (const hash of hashes) {
    if (hash.length !== 32) throw new Refused('bad-proof', `a hash has ${hash.length} bytes, not 32`)
  }
}
