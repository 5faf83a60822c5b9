import { useSyncExternalStore } from 'react'

/** As in chain.css: every card is as tall as every other, so that a place in the list is known unseen. */
const tall = { wide: 132, narrow: 204 }
const narrow = matchMedia('(width < 48rem)')

export function useCardHeight(): number {
  return useSyncExternalStore(subscribe, cardHeightNow)
}

/** As the page is now, though nothing may have been laid out for it yet. */
export function cardHeightNow(): number {
  return narrow.matches ? tall.narrow : tall.wide
}

/** As on a phone. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => narrow.matches)
}

function subscribe(onChange: () => void): () => void {
  narrow.addEventListener('change', onChange)
  return () => narrow.removeEventListener('change', onChange)
}
