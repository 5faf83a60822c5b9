import type { BucketDetail } from '@ledgerstone/client/api'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { type BucketProgress, useBlocksAt, useBucketDetail } from '../../api/buckets.ts'
import type { HeadView } from '../../proof/messages.ts'
import { SafeText } from '../../ui/safe-text.tsx'
import { Ago } from '../../ui/time.tsx'
import { sampleIndexes } from './growth.ts'
import { GrowthChart } from './growth-chart.tsx'
import { readSigners } from './signers.ts'

/** `head`: what this browser's memory says of the bucket; absent until it was asked. */
export function BucketCard(props: {
  readonly bucket: BucketProgress
  readonly head: HeadView | undefined
}): ReactNode {
  const { bucket, head } = props
  const { name, size, final, state } = bucket
  const detail = useBucketDetail(bucket)
  const indexes = sampleIndexes(size ?? 0)
  const samples = useBlocksAt(name, indexes)
  const blocks = [...samples.values()].sort((a, b) => a.index - b.index)
  const points = blocks.map(({ index, time }) => ({ timeMs: Date.parse(time), count: index + 1 }))
  const newest = blocks.at(-1)
  return (
    <article className="card bucket-card" aria-labelledby={`bucket-${name}`}>
      <header>
        <h2 id={`bucket-${name}`}>
          <Link href={`/buckets/${name}`}>{name}</Link>
        </h2>
        <State size={size} final={final} state={state} />
      </header>
      <p className="bucket-size">
        <strong>{size === null ? '–' : size.toLocaleString('en')}</strong> {size === 1 ? 'block' : 'blocks'}
      </p>
      <GrowthChart points={samples.size === indexes.length ? points : undefined} />
      <dl className="facts">
        <dt>Newest</dt>
        <dd data-lines="2">
          {newest === undefined ? (
            '–'
          ) : (
            <>
              <Link href={`/buckets/${name}/blocks/${newest.index}`}>
                #{newest.index.toLocaleString('en')}
              </Link>{' '}
              · <Ago ms={Date.parse(newest.time)} />
              <br />
              <span className="quiet">
                <SafeText text={String(newest.payload['type'])} />
              </span>
            </>
          )}
        </dd>
        <dt>Checkpoint</dt>
        <dd data-lines="3">
          <Checkpoint detail={detail.data} />
        </dd>
        <dt>Memory</dt>
        <dd data-lines="2">
          <Remembered head={head} />
        </dd>
      </dl>
    </article>
  )
}

function State({ size, final, state }: Omit<BucketProgress, 'name'>): ReactNode {
  if (state !== 'open') {
    return (
      <span className="badge" data-tone="bad">
        <SafeText text={state} />
      </span>
    )
  }
  const waiting = (size ?? 0) - (final ?? 0)
  if (waiting <= 0) return <span className="badge">all final</span>
  return (
    <span className="badge" data-tone="fair">
      {waiting.toLocaleString('en')} not final yet
    </span>
  )
}

function Checkpoint({ detail }: { readonly detail: BucketDetail | undefined }): ReactNode {
  if (detail === undefined) return '–'
  if (detail.final === null) return 'none yet'
  const { size, at, log, witnesses } = readSigners(detail.final)
  return (
    <>
      {size.toLocaleString('en')} {size === 1 ? 'block' : 'blocks'}
      {at !== undefined && (
        <>
          {' '}
          · <Ago ms={at} />
        </>
      )}
      <br />
      <span className="quiet">
        log: {log.join(', ')}
        <br />
        {witnesses.length === 0 ? (
          'no witness'
        ) : (
          <>
            witnesses: <SafeText text={witnesses.join(', ')} />
          </>
        )}
      </span>
    </>
  )
}

/** What this browser holds against the ledger's word. */
function Remembered({ head }: { readonly head: HeadView | undefined }): ReactNode {
  if (head === undefined) return <span className="quiet">checking…</span>
  if (head.error !== undefined) return <strong className="bad">does not continue what was seen before</strong>
  if (head.remembered === undefined) return <span className="quiet">first seen just now</span>
  const { remembered } = head
  return (
    <span className="quiet">
      continues the {remembered.toLocaleString('en')} {remembered === 1 ? 'block' : 'blocks'} seen before
    </span>
  )
}
