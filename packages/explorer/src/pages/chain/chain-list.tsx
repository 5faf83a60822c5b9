import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Sender } from '../../api/owners.ts'
import { Problem } from '../../ui/problem.tsx'
import { BlockCard, CardPlace } from './block-card.tsx'
import { movedPart, partAround } from './pages-of-blocks.ts'
import { useCardHeight } from './use-card-height.ts'
import { useWindow } from './use-chain.ts'
import { usePlace } from './use-place.ts'

/** All blocks, newest first. `begin`: the block to show first; the newest without it. */
export function ChainList(props: {
  readonly bucket: string
  readonly size: number
  readonly final: number
  readonly begin: number | undefined
  readonly senders: readonly Sender[]
  onTypes(types: readonly string[]): void
}): ReactNode {
  const { bucket, size, final, begin, senders, onTypes } = props
  const [part, setPart] = useState(() => partAround(begin ?? size - 1, size))
  const cardHeight = useCardHeight()
  const [list, offset] = usePlace()
  const virtualizer = useWindowVirtualizer({
    count: part.rows,
    estimateSize: () => cardHeight,
    overscan: 6,
    scrollMargin: offset,
    getItemKey: (row) => part.top - row,
  })
  const rows = virtualizer.getVirtualItems()
  const first = rows[0]?.index ?? 0
  const last = rows.at(-1)?.index ?? 0
  const window = useWindow(bucket, { first: part.top - last, last: part.top - first, size, final })

  // New blocks: seen at once by who looks at the newest, and told to everybody else.
  const unseen = size - 1 - part.top
  // Whoever jumped into the middle is at the top of a part, not of the chain.
  const sawNewest = useRef(false)
  if (unseen === 0) sawNewest.current = true
  const isAtTop = sawNewest.current && unseen > 0 && globalThis.scrollY < offset + cardHeight
  useEffect(() => {
    if (isAtTop) setPart(partAround(size - 1, size))
  }, [isAtTop, size])

  // The beginning is at the block that was asked for. From then on the part moves along with the person; the
  // scroll position follows before anything is painted.
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
    const seen = Math.max(0, Math.floor((globalThis.scrollY - offset) / cardHeight))
    const moved = movedPart(part, seen, size)
    if (moved === part || isAtTop) return
    shift.current = (moved.top - part.top) * cardHeight
    setPart(moved)
  })

  const owners = new Map(senders.map(({ kid, owner }) => [kid, owner]))
  const types = [...new Set([...window.blocks.values()].map(({ payload }) => String(payload['type'])))].sort()
  const typesText = types.join(' ')
  useEffect(() => onTypes(typesText.split(' ')), [onTypes, typesText])
  return (
    <>
      {window.error !== null && <Problem error={window.error} onRetry={window.retry} />}
      {unseen > 0 && !isAtTop && (
        <button
          type="button"
          className="button primary chain-news"
          onClick={() => {
            setPart(partAround(size - 1, size))
            globalThis.scrollTo(0, 0)
          }}
        >
          {unseen.toLocaleString('en')} new {unseen === 1 ? 'block' : 'blocks'}: to the newest
        </button>
      )}
      <div ref={list} className="chain-list" style={{ height: virtualizer.getTotalSize() }}>
        {rows.map(({ index: row, key, start }) => {
          const index = part.top - row
          const block = window.blocks.get(index)
          const before = window.blocks.get(index - 1)
          return (
            <div
              key={key}
              className="chain-row"
              style={{ height: cardHeight, transform: `translateY(${start - offset}px)` }}
            >
              {block === undefined ? (
                <CardPlace index={index} />
              ) : (
                <BlockCard
                  block={block}
                  owner={owners.get(block.sender)}
                  follows={before === undefined ? undefined : before.hash === block.prevhash}
                />
              )}
            </div>
          )
        })}
      </div>
    </>
  )
}
