import type { BlockView } from '@ledgerstone/client/api'
import { isObject } from '@ledgerstone/core/canonical'
import { type ComponentType, memo, type ReactNode } from 'react'
import { Link } from 'wouter'
import { Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { shortHash } from '../../ui/short-hash.ts'
import { Time } from '../../ui/time.tsx'

type CardProps = {
  readonly block: BlockView
  readonly owner: string | undefined
  /** Whether the block before has the hash that this one names; undefined while that is not here. */
  readonly follows: boolean | undefined
}

export const BlockCard: ComponentType<CardProps> = memo(function BlockCard(props: CardProps): ReactNode {
  const { block, owner, follows } = props
  const { bucket, index, hash, prevhash, nexthash, time, final, sender, payload } = block
  return (
    <article className="block-card" aria-label={`Block ${index}`} data-index={index} data-final={final}>
      <p className="block-index">
        <Link href={`/buckets/${bucket}/blocks/${index}`}>#{index.toLocaleString('en')}</Link>
        {!final && (
          <span className="badge" data-tone="fair">
            not final
          </span>
        )}
      </p>
      <div className="block-what">
        <p>
          <strong>
            <SafeText text={String(payload['type'])} />
          </strong>{' '}
          <span className="quiet">
            from {owner === undefined ? <code>{shortHash(sender)}</code> : <SafeText text={owner} />}
          </span>
        </p>
        <Labels block={block} />
      </div>
      <p className="block-time">
        <Time ms={Date.parse(time)} />
      </p>
      <dl className="block-links" data-follows={follows}>
        <dt>hash</dt>
        <dd>
          <Hash value={hash} />
        </dd>
        <dt>previous</dt>
        <dd>
          {index === 0 ? 'the first block' : <Hash value={prevhash} />}
          {follows === false && <strong className="broken"> is not the hash of the block before</strong>}
        </dd>
        <dt>next</dt>
        <dd>{nexthash === null ? 'none yet' : <Hash value={nexthash} />}</dd>
      </dl>
    </article>
  )
})

const labelsShown = 3

/** The clear labels of the envelope: the article's metainfo. */
function Labels({ block }: { readonly block: BlockView }): ReactNode {
  const { envelope, payload } = block
  if (envelope === null) {
    const isErased = payload['content'] !== undefined
    return (
      <p className="quiet">{isErased ? 'The envelope was erased.' : 'A statement without an envelope.'}</p>
    )
  }
  const labels = isObject(envelope['labels']) ? envelope['labels'] : {}
  const meta = isObject(labels['meta'] ?? null) ? Object.entries(labels['meta'] as object) : []
  if (meta.length === 0) return <p className="quiet">no metainfo</p>
  const more = meta.length - labelsShown
  return (
    <p className="block-labels">
      {meta.slice(0, labelsShown).map(([name, value]) => (
        <span key={name}>
          <SafeText text={name} />{' '}
          <SafeText text={typeof value === 'string' ? value : JSON.stringify(value)} />
        </span>
      ))}
      {more > 0 && <span className="quiet">and {more} more</span>}
    </p>
  )
}

/** In the place of a block that is on its way, as large as one. `isAway`: it could not be fetched. */
export function CardPlace(props: { readonly index: number; readonly isAway: boolean }): ReactNode {
  const { index, isAway } = props
  return (
    <div className="block-card block-place" aria-hidden={!isAway}>
      <p className="block-index">#{index.toLocaleString('en')}</p>
      {isAway && <p className="block-what">could not be fetched</p>}
    </div>
  )
}
