import { keysBucket } from '@ledgerstone/core/names'
import type { ReactNode } from 'react'
import { type BucketProgress, useBuckets } from '../../api/buckets.ts'
import { useConfiguration } from '../../configuration-context.tsx'
import { useHeads } from '../../proof/proof-context.tsx'
import { Empty, Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { BucketCard } from './bucket-card.tsx'
import './overview.css'

/** Every bucket that the person may read, the key registry last. */
export function OverviewPage(): ReactNode {
  const { ledger } = useConfiguration()
  const { data, error, isPending, refetch } = useBuckets()
  const heads = useHeads(true)
  const buckets = (data ?? []).filter(({ size }) => size !== null).toSorted(byName)
  const unreadable = (data ?? []).filter(({ size, name }) => size === null && name !== keysBucket)
  return (
    <div className="overview">
      <h1>Overview</h1>
      <p className="overview-lead">
        <SafeText text={ledger} />
        {data !== undefined && <Totals buckets={buckets} />}
      </p>
      {error !== null && <Problem error={error} onRetry={() => void refetch()} />}
      {heads.error !== null && error === null && <Problem error={heads.error} />}
      {isPending && <Loading />}
      {data !== undefined && buckets.length === 0 && (
        <Empty title="There is no bucket that you may read">
          <p>Ask the people who run the sign-in service for a scope such as `read:payments`.</p>
        </Empty>
      )}
      <div className="bucket-cards">
        {buckets.map((bucket) => (
          <BucketCard
            key={bucket.name}
            bucket={bucket}
            head={heads.data?.find((head) => head.bucket === bucket.name)}
          />
        ))}
      </div>
      {unreadable.length > 0 && (
        <p className="warning">
          The service could not open {unreadable.map(({ name }) => name).join(', ')}: its log says why.
        </p>
      )}
    </div>
  )
}

function Totals({ buckets }: { readonly buckets: readonly BucketProgress[] }): ReactNode {
  const blocks = buckets.reduce((sum, { size }) => sum + (size ?? 0), 0)
  const count = buckets.length
  return ` · ${count} ${count === 1 ? 'bucket' : 'buckets'}, ${blocks.toLocaleString('en')} blocks`
}

function byName(a: BucketProgress, b: BucketProgress): number {
  if (a.name === keysBucket || b.name === keysBucket) return a.name === keysBucket ? 1 : -1
  return a.name < b.name ? -1 : 1
}
