// Buckets as the ledger tells of them, kept up to date.
import type { BlockView, BucketDetail, BucketSummary } from '@ledgerstone/client/api'
import { isObject, type Json } from '@ledgerstone/core/canonical'
import { type UseQueryResult, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useLedger } from './ledger-access.tsx'

export type BucketProgress = {
  readonly name: string
  /** null: it could not be opened, or the person may not read it. */
  readonly size: number | null
  /** Blocks under the newest final checkpoint. */
  readonly final: number | null
  /** `open`, or why not. */
  readonly state: string
}

const askMs = 2000

/**
 * All buckets, asked for every two seconds while the page is looked at: one request for all of them, where a
 * stream for each would take all the connections that a browser opens to one service.
 */
export function useBuckets(): UseQueryResult<readonly BucketProgress[]> {
  const ledger = useLedger()
  return useQuery({
    queryKey: ['buckets'],
    queryFn: async () => (await ledger.buckets()).map(progressOf),
    refetchInterval: ({ state }) => (state.error === null ? askMs : 5 * askMs),
  })
}

/** Its keys, head and checkpoint; asked for again when one of the numbers has moved. */
export function useBucketDetail({ name, size, final }: BucketProgress): UseQueryResult<BucketDetail> {
  const ledger = useLedger()
  return useQuery({
    queryKey: ['bucket', name, size, final],
    queryFn: () => ledger.bucket(name),
    placeholderData: (before) => before,
    enabled: size !== null,
  })
}

/** Single blocks, wherever they are. What was committed never changes, so it is asked for once. */
export function useBlocksAt(bucket: string, indexes: readonly number[]): ReadonlyMap<number, BlockView> {
  const ledger = useLedger()
  return useQueries({
    queries: indexes.map((index) => ({
      queryKey: ['block-at', bucket, index],
      queryFn: () => ledger.block(bucket, index),
      staleTime: Number.POSITIVE_INFINITY,
    })),
    combine: (results) =>
      new Map(results.flatMap(({ data }) => (data === undefined ? [] : [[data.index, data] as const]))),
  })
}

export type BucketNews = { readonly size: number; readonly final: number }

/**
 * Size and final size of one bucket, by its stream of events. Many blocks at once are one piece of news: the
 * page is drawn at most four times a second.
 */
export function useBucketNews(bucket: string, known: BucketDetail | undefined): BucketNews | undefined {
  const ledger = useLedger()
  const queries = useQueryClient()
  const { data } = useQuery<BucketNews>({
    queryKey: ['news', bucket],
    queryFn: () => Promise.reject(new Error('news come by events')),
    enabled: false,
  })
  const size = known?.size
  useEffect(() => {
    if (size === undefined) return
    const stopping = new AbortController()
    void follow(stopping.signal, size).catch(() => undefined)
    return () => stopping.abort()

    async function follow(signal: AbortSignal, from: number): Promise<void> {
      let news: BucketNews = { size: from, final: 0 }
      let timer: ReturnType<typeof setTimeout> | undefined
      const tell = (): void => {
        timer = undefined
        queries.setQueryData<BucketNews>(['news', bucket], (old) => ({
          size: Math.max(old?.size ?? 0, news.size),
          final: Math.max(old?.final ?? 0, news.final),
        }))
      }
      const after = from === 0 ? {} : { after: String(from - 1) }
      for await (const { event, data } of ledger.events(bucket, { signal, ...after })) {
        if (event === 'block') news = { ...news, size: Number(data['index']) + 1 }
        if (event === 'final') news = { ...news, final: Number(data['size']) }
        if (timer === undefined) timer = setTimeout(tell, 250)
      }
    }
  }, [ledger, queries, bucket, size])
  return data
}

function progressOf({ name, size, final, state }: BucketSummary): BucketProgress {
  return {
    name,
    size: typeof size === 'number' ? size : null,
    final: typeof final === 'number' ? final : null,
    state: stateOf(state),
  }
}

function stateOf(state: Json | undefined): string {
  if (!isObject(state)) return 'unreadable'
  const { kind, code } = state
  return [kind, code].filter((part) => typeof part === 'string').join(': ')
}
