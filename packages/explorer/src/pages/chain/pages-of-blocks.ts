// A million blocks are fetched by pages of a fixed place, so that each is asked for once.

export const pageBlocks = 25

/** Numbers of the pages that hold the blocks from `first` to `last`, both of them included. */
export function pagesBetween(first: number, last: number): readonly number[] {
  const from = Math.floor(Math.max(0, first) / pageBlocks)
  const to = Math.floor(last / pageBlocks)
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
}

/**
 * The part of the chain that the list holds at a time, newest first: row r shows block `top - r`. Browsers
 * draw no list of a million cards in one piece, for they bound the height of an element; near its ends the
 * part is moved along, and the scroll position with it, so that nothing is seen of it.
 */
export type Part = { readonly top: number; readonly rows: number }

export const partRowsMax = 20_000
const marginRows = 2000

export function partAround(index: number, size: number): Part {
  const top = Math.min(size - 1, index + partRowsMax / 2)
  return { top, rows: Math.min(partRowsMax, top + 1) }
}

/**
 * The part to go on with when row `first` is the first that is seen; the same one while that is well inside.
 */
export function movedPart(part: Part, first: number, size: number): Part {
  const isNearStart = first < marginRows && part.top < size - 1
  const isNearEnd = part.rows - first < marginRows && part.top - part.rows + 1 > 0
  return isNearStart || isNearEnd ? partAround(part.top - first, size) : part
}
