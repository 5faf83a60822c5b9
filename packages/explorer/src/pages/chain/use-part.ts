import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { movedPart, type Part, partAround } from './pages-of-blocks.ts'
import { useKeptRow } from './use-kept-row.ts'

export type MovingPart = {
  readonly part: Part
  /** Blocks that came while the person was looking at others. */
  readonly unseen: number
  goToNewest(): void
}

/**
 * The part of the chain that the list holds: around `begin` at first, or the newest; then it moves along with
 * the person, and with the chain for who looks at its newest block. The scroll position follows before
 * anything is painted. `offset`: where the list begins on the page; 0 until that is known.
 */
export function usePart(given: {
  readonly size: number
  readonly begin: number | undefined
  readonly offset: number
  readonly cardHeight: number
}): MovingPart {
  const { size, begin, offset, cardHeight } = given
  useKeptRow(offset, cardHeight)
  const [part, setPart] = useState(() => partAround(begin ?? size - 1, size))
  const [newestSeen, setNewestSeen] = useState(size - 1)
  const newer = size - 1 - part.top
  // Whoever jumped into the middle is at the top of a part, not of the chain.
  const sawNewest = useRef(false)
  useEffect(() => {
    if (newer === 0) sawNewest.current = true
  }, [newer])
  const isAtTop = sawNewest.current && newer > 0 && globalThis.scrollY < offset + cardHeight
  useEffect(() => {
    if (!isAtTop) return
    setPart(partAround(size - 1, size))
    setNewestSeen(size - 1)
  }, [isAtTop, size])

  const begun = useRef<number | undefined>(undefined)
  const shift = useRef(0)
  useLayoutEffect(() => {
    if (offset === 0) return
    if (shift.current !== 0) {
      globalThis.scrollBy(0, shift.current)
      shift.current = 0
      return
    }
    if (begin !== undefined && begun.current !== begin) {
      begun.current = begin
      const above = document.querySelector('header')?.offsetHeight ?? 0
      globalThis.scrollTo(0, offset + (part.top - begin) * cardHeight - above - 12)
      return
    }
    if (newer === 0 && globalThis.scrollY < offset + cardHeight) setNewestSeen(size - 1)
    const seen = Math.max(0, Math.floor((globalThis.scrollY - offset) / cardHeight))
    const moved = movedPart(part, seen, size)
    if (moved === part || isAtTop) return
    shift.current = (moved.top - part.top) * cardHeight
    setPart(moved)
  })
  return {
    part,
    unseen: isAtTop ? 0 : size - 1 - newestSeen,
    goToNewest() {
      setPart(partAround(size - 1, size))
      setNewestSeen(size - 1)
      globalThis.scrollTo(0, 0)
    },
  }
}
