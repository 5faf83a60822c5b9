import { Refused } from '@ledgerstone/core/refused'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useBucketNews } from '../../api/buckets.ts'
import { useSenders } from '../../api/owners.ts'
import { useLedger } from '../../api/services.tsx'
import { Empty, Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { ChainList } from './chain-list.tsx'
import { ChainToolbar } from './chain-toolbar.tsx'
import { filterOf, formatSearch, readAt, readFilters } from './filters.ts'
import { readFinalSize } from './final-size.ts'
import { FoundList } from './found-list.tsx'
import { parseTarget } from './jump.ts'
import './chain.css'

/** The chain of one bucket, newest block first. */
export function ChainPage({ bucket }: { readonly bucket: string }): ReactNode {
  const ledger = useLedger()
  const detail = useQuery({ queryKey: ['chain', bucket], queryFn: () => ledger.bucket(bucket) })
  const news = useBucketNews(bucket, detail.data)
  const senders = useSenders()
  const search = useSearch()
  const [, navigate] = useLocation()
  const [types, setTypes] = useState<readonly string[]>([])
  const filters = readFilters(search)
  const filter = filterOf(filters)
  const at = readAt(search)
  const size = Math.max(news?.size ?? 0, detail.data?.size ?? 0)
  const final = Math.max(news?.final ?? 0, readFinalSize(detail.data?.final ?? null))
  const begin = at === undefined ? undefined : Math.min(at, size - 1)

  async function jump(text: string): Promise<void> {
    const index = await indexOf(text)
    navigate(`/buckets/${bucket}${formatSearch({ type: '', sender: '', from: '', to: '' }, index)}`)
  }

  async function indexOf(text: string): Promise<number> {
    const target = parseTarget(text)
    if (target === undefined) throw new Error('Write an index, a hash of 64 characters, or a date.')
    if (target.kind === 'index') {
      if (target.index < size) return target.index
      throw new Error(`The newest block is #${(size - 1).toLocaleString('en')}.`)
    }
    if (target.kind === 'hash') return (await ledger.block(bucket, target.hash).catch(unknownHash)).index
    const timeFrom = new Date(target.ms).toISOString()
    const { blocks } = await ledger.blocks(bucket, { timeFrom, limit: 1 })
    if (blocks[0] === undefined) throw new Error('There is no block at that time or after it.')
    return blocks[0].index
  }

  return (
    <div className="chain-page">
      <p className="crumbs">
        <Link href="/">Overview</Link>
      </p>
      <h1>
        <SafeText text={bucket} />
        {detail.data !== undefined && (
          <span className="quiet chain-size" role="status">
            {size.toLocaleString('en')} {size === 1 ? 'block' : 'blocks'}, {final.toLocaleString('en')} final
          </span>
        )}
      </h1>
      {detail.error !== null && <Problem error={detail.error} onRetry={() => void detail.refetch()} />}
      {detail.isPending && <Loading />}
      {detail.data !== undefined && size > 0 && (
        <>
          <ChainToolbar
            {...{ filters, senders, types }}
            onFilter={(changed) => navigate(`/buckets/${bucket}${formatSearch(changed)}`)}
            onJump={jump}
          />
          {filter === undefined ? (
            <ChainList
              key={`${bucket} ${at}`}
              {...{ bucket, size, final, begin, senders }}
              onTypes={setTypes}
            />
          ) : (
            <FoundList {...{ bucket, filter, senders }} />
          )}
        </>
      )}
      {detail.data !== undefined && size === 0 && (
        <Empty title="No blocks yet">
          <p>The first one will appear here by itself.</p>
        </Empty>
      )}
    </div>
  )
}

function unknownHash(error: unknown): never {
  if (error instanceof Refused && error.code === 'unknown-block') {
    throw new Error('No block of this bucket has that hash.')
  }
  throw error
}
