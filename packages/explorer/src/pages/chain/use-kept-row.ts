import { useEffect, useLayoutEffect, useRef } from 'react'
import { cardHeightNow } from './use-card-height.ts'

/**
 * A phone that is turned has cards of another height: the row at the top of the screen stays there. It is
 * noted whenever anybody scrolls, for once the cards have changed, the browser may have scrolled by itself.
 * `offset`: where the list begins on the page; 0 until that is known.
 */
export function useKeptRow(offset: number, cardHeight: number): void {
  const kept = useRef({ cardHeight, row: 0 })
  useLayoutEffect(() => {
    if (offset === 0 || kept.current.cardHeight === cardHeight) return
    kept.current.cardHeight = cardHeight
    // Who looks at what stands above the list goes on doing so.
    if (kept.current.row > 0) globalThis.scrollTo(0, offset + kept.current.row * cardHeight)
  }, [offset, cardHeight])
  useEffect(() => {
    const note = (): void => {
      if (cardHeightNow() === cardHeight) kept.current.row = (globalThis.scrollY - offset) / cardHeight
    }
    note()
    globalThis.addEventListener('scroll', note, { passive: true })
    return () => globalThis.removeEventListener('scroll', note)
  }, [offset, cardHeight])
}
