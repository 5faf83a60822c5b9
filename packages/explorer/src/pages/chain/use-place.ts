import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

/** How far below the top of the page an element begins; 0 until it is known. */
export function usePlace(): readonly [ref: RefObject<HTMLDivElement | null>, offset: number] {
  const ref = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  // What stands above may change with every drawing: a problem that appears, a filter that wraps.
  useLayoutEffect(() => {
    if (ref.current === null) return
    const top = Math.round(ref.current.getBoundingClientRect().top + globalThis.scrollY)
    if (top !== offset) setOffset(top)
  })
  return [ref, offset]
}
