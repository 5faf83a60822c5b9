import type { BlockFilter } from '@ledgerstone/client/api'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect } from 'react'
import type { Sender } from '../../api/owners.ts'
import { Empty, Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { BlockCard } from './block-card.tsx'
import { useCardHeight } from './use-card-height.ts'
import { useFound } from './use-chain.ts'
import { usePlace } from './use-place.ts'

/** The blocks that a filter finds, newest first; more of them as the person goes down. */
export function FoundList(props: {
  readonly bucket: string
  readonly filter: BlockFilter
  readonly senders: readonly Sender[]
}): ReactNode {
  const { bucket, filter, senders } = props
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useFound(
    bucket,
    filter,
  )
  const blocks = data?.pages.flatMap((page) => page.blocks) ?? []
  const cardHeight = useCardHeight()
  const [list, offset] = usePlace()
  const virtualizer = useWindowVirtualizer({
    count: blocks.length,
    estimateSize: () => cardHeight,
    overscan: 6,
    scrollMargin: offset,
  })
  const rows = virtualizer.getVirtualItems()
  const isNearEnd = (rows.at(-1)?.index ?? 0) > blocks.length - 20
  useEffect(() => {
    if (isNearEnd && hasNextPage && !isFetchingNextPage && error === null) void fetchNextPage()
  }, [isNearEnd, hasNextPage, isFetchingNextPage, error, fetchNextPage])

  const owners = new Map(senders.map(({ kid, owner }) => [kid, owner]))
  const newest = data?.pages[0]
  const behind = newest === undefined ? 0 : newest.size - newest.complete
  return (
    <>
      {error !== null && <Problem error={error} onRetry={() => void refetch()} />}
      {behind > 0 && (
        <p className="warning">The index is still {behind.toLocaleString('en')} blocks behind the newest.</p>
      )}
      {isPending && <Loading />}
      {data !== undefined && blocks.length === 0 && !hasNextPage && (
        <Empty title="No block matches">
          <p>Take a filter away, or choose a longer time.</p>
        </Empty>
      )}
      <div ref={list} className="chain-list" style={{ height: virtualizer.getTotalSize() }}>
        {rows.map(({ index: row, start }) => {
          const block = blocks[row]
          if (block === undefined) return null
          return (
            <div
              key={block.index}
              className="chain-row chain-row-alone"
              style={{ height: cardHeight, transform: `translateY(${start - offset}px)` }}
            >
              <BlockCard block={block} owner={owners.get(block.sender)} follows={undefined} />
            </div>
          )
        })}
      </div>
      <p role="status" className="quiet">
        {isFetchingNextPage ? 'Loading more…' : ''}
      </p>
    </>
  )
}
