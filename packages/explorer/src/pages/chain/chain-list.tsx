import type { BlockView } from '@ledgerstone/client/api'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useCallback, useEffect } from 'react'
import type { Sender } from '../../api/owners.ts'
import { Problem } from '../../ui/problem.tsx'
import { BlockCard, CardPlace } from './block-card.tsx'
import { useCardHeight } from './use-card-height.ts'
import { useWindow } from './use-chain.ts'
import { usePart } from './use-part.ts'
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
  const cardHeight = useCardHeight()
  const [list, offset] = usePlace()
  const { part, unseen, goToNewest } = usePart({ size, begin, offset, cardHeight })
  // Rows of another height are other rows: the list is laid out anew, before anybody scrolls in it.
  const keyOf = useCallback((row: number) => `${part.top - row} ${cardHeight}`, [part.top, cardHeight])
  const virtualizer = useWindowVirtualizer({
    count: part.rows,
    estimateSize: () => cardHeight,
    overscan: 6,
    scrollMargin: offset,
    getItemKey: keyOf,
  })
  const rows = virtualizer.getVirtualItems()
  const [first = 0, last = 0] = [rows[0]?.index, rows.at(-1)?.index]
  const seen = useWindow(bucket, { first: part.top - last, last: part.top - first, size, final })
  useTypes(seen.blocks, onTypes)

  const owners = new Map(senders.map(({ kid, owner }) => [kid, owner]))
  return (
    <>
      {seen.error !== null && <Problem error={seen.error} onRetry={seen.retry} />}
      {unseen > 0 && (
        <button type="button" className="button primary chain-news" onClick={goToNewest}>
          {unseen.toLocaleString('en')} new {unseen === 1 ? 'block' : 'blocks'}: to the newest
        </button>
      )}
      <div ref={list} className="chain-list" style={{ height: virtualizer.getTotalSize() }}>
        {rows.map(({ index: row, key, start }) => {
          const index = part.top - row
          const style = { height: cardHeight, transform: `translateY(${start - offset}px)` }
          return (
            <div key={key} className="chain-row" style={style}>
              <Row index={index} blocks={seen.blocks} owners={owners} isAway={seen.error !== null} />
            </div>
          )
        })}
      </div>
    </>
  )
}

function Row(props: {
  readonly index: number
  readonly blocks: ReadonlyMap<number, BlockView>
  readonly owners: ReadonlyMap<string, string>
  readonly isAway: boolean
}): ReactNode {
  const { index, blocks, owners, isAway } = props
  const block = blocks.get(index)
  const before = blocks.get(index - 1)
  if (block === undefined) return <CardPlace index={index} isAway={isAway} />
  const follows = before === undefined ? undefined : before.hash === block.prevhash
  return <BlockCard block={block} owner={owners.get(block.sender)} follows={follows} />
}

/** Tells which types of records are to be seen, for the filter to offer them. */
function useTypes(blocks: ReadonlyMap<number, BlockView>, onTypes: (types: readonly string[]) => void): void {
  const types = new Set([...blocks.values()].map(({ payload }) => String(payload['type'])))
  const text = [...types].sort().join(' ')
  useEffect(() => onTypes(text === '' ? [] : text.split(' ')), [onTypes, text])
}
