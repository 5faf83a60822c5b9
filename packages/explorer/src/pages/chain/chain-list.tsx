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

  const scrollToBlock = (index: number, top: number): void => {
    const above = document.querySelector('header')?.offsetHeight ?? 0
    globalThis.scrollTo(0, offset + (top - index) * cardHeight - above - 12)
  }
  // The beginning: at the block that was asked for.
  const begun = useRef<number | undefined>(undefined)
  useLayoutEffect(() => {
    if (begin === undefined || offset === 0 || begun.current === begin) return
    begun.current = begin
    scrollToBlock(begin, part.top)
  })

  // New blocks: seen at once by who looks at the newest, and told to everybody else.
  const unseen = size - 1 - part.top
  const isAtTop = first === 0 && unseen > 0 && globalThis.scrollY < offset + cardHeight
  useEffect(() => {
    if (isAtTop) setPart(partAround(size - 1, size))
  }, [isAtTop, size])

  const moved = movedPart(part, first, size)
  useLayoutEffect(() => {
    if (moved === part || isAtTop) return
    setPart(moved)
    globalThis.scrollBy(0, (moved.top - part.top) * cardHeight)
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
