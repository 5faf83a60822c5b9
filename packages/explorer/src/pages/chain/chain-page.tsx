import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useBucketNews } from '../../api/buckets.ts'
import { useLedger } from '../../api/ledger-access.tsx'
import { useSenders } from '../../api/owners.ts'
import { Empty, Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { ChainList } from './chain-list.tsx'
import { ChainToolbar } from './chain-toolbar.tsx'
import { filterOf, formatSearch, readAt, readFilters } from './filters.ts'
import { readFinalSize } from './final-size.ts'
import { findBlock } from './find-block.ts'
import { FoundList } from './found-list.tsx'
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
    const index = await findBlock(ledger, bucket, size, text)
    navigate(`/buckets/${bucket}${formatSearch({ type: '', sender: '', from: '', to: '' }, index)}`)
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
