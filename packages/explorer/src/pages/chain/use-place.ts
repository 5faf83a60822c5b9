import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

/** How far below the top of the page an element begins; 0 until it is known. */
export function usePlace(): readonly [ref: RefObject<HTMLDivElement | null>, offset: number] {
  const ref = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  useLayoutEffect(() => {
    const around = ref.current?.parentElement ?? null
    if (around === null) return
    const measure = (): void => {
      const top = ref.current?.getBoundingClientRect().top ?? 0
      setOffset(Math.round(top + globalThis.scrollY))
    }
    measure()
    // What stands above comes and goes (a problem, a filter that wraps); then the size of all of it changes.
    const observer = new ResizeObserver(measure)
    observer.observe(around)
    return () => observer.disconnect()
  }, [])
  return [ref, offset]
}
