import type { BlockFilter, BlockPage, BlockView } from '@ledgerstone/client/api'
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  useInfiniteQuery,
  useQueries,
} from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { useLedger } from '../../api/ledger-access.tsx'
import { pageBlocks, pagesBetween } from './pages-of-blocks.ts'

export type Window = {
  readonly blocks: ReadonlyMap<number, BlockView>
  readonly error: Error | null
  retry(): void
}

/**
 * The blocks from `first` to `last`. A page that is full, and whose blocks are final, never changes; the
 * newest is asked for again when the bucket has grown or more of it has become final.
 */
export function useWindow(
  bucket: string,
  { first, last, size, final }: { first: number; last: number; size: number; final: number },
): Window {
  const ledger = useLedger()
  const wanted = useDeferredValue(pagesBetween(first, last).join(' '))
  const pages = wanted === '' ? [] : wanted.split(' ').map(Number)
  return useQueries({
    queries: pages.map((page) => {
      const end = (page + 1) * pageBlocks
      const isSettled = end < size && end <= final
      return {
        queryKey: ['blocks', bucket, page, isSettled ? 'settled' : `${Math.min(end, size)} ${final}`],
        queryFn: () => ledger.blocks(bucket, { from: page * pageBlocks, limit: pageBlocks }),
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 60_000,
        // What was seen of the page before it changed stays until the new one is here.
        placeholderData: (before: BlockPage | undefined) => before,
      }
    }),
    combine: (results) => ({
      blocks: new Map(results.flatMap(({ data }) => data?.blocks ?? []).map((block) => [block.index, block])),
      error: results.find(({ error }) => error !== null)?.error ?? null,
      retry: () => {
        for (const { error, refetch } of results) if (error !== null) void refetch()
      },
    }),
  })
}

/** What a filter finds, newest first, a page after the other. */
export function useFound(
  bucket: string,
  filter: BlockFilter,
): UseInfiniteQueryResult<InfiniteData<BlockPage, number | undefined>> {
  const ledger = useLedger()
  return useInfiniteQuery({
    queryKey: ['found', bucket, filter],
    queryFn: ({ pageParam }) =>
      ledger.blocks(bucket, {
        ...filter,
        ...(pageParam !== undefined && { from: pageParam }),
        order: 'descending',
        limit: pageBlocks,
      }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }) => next,
    staleTime: 5000,
  })
}
