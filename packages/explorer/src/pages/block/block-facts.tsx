import type { BlockView } from '@ledgerstone/client/api'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { CopyButton, Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { shortHash } from '../../ui/short-hash.ts'
import { Time } from '../../ui/time.tsx'

/** What the ledger says of the block: for reading, and shown as such. */
export function BlockFacts({ view }: { readonly view: BlockView }): ReactNode {
  const { bucket, index, hash, prevhash, nexthash, time, keys, final, sender, payload } = view
  const to = (at: number): string => `/buckets/${bucket}/blocks/${at}`
  return (
    <section className="card" aria-labelledby="facts-heading">
      <h2 id="facts-heading">What the ledger says</h2>
      <dl className="facts">
        <dt>Hash</dt>
        <dd>
          <Hash value={hash} full />
        </dd>
        <dt>Previous</dt>
        <dd>{index === 0 ? 'none: the first block' : <Linked to={to(index - 1)} hash={prevhash} />}</dd>
        <dt>Next</dt>
        <dd>{nexthash === null ? 'none yet' : <Linked to={to(index + 1)} hash={nexthash} />}</dd>
        <dt>Time</dt>
        <dd>
          <Time ms={Date.parse(time)} />
        </dd>
        <dt>Final</dt>
        <dd>{final ? 'yes: covered by a published checkpoint' : 'not yet'}</dd>
        <dt>Judged by</dt>
        <dd>the first {keys.toLocaleString('en')} blocks of the key registry</dd>
        <dt>Sender's key</dt>
        <dd>
          <Linked to={`/keys/${sender}`} hash={sender} />
        </dd>
        <Claims payload={payload} />
      </dl>
      <details>
        <summary>The statement as it was signed (JWS)</summary>
        <code className="breaking">{view.statement}</code>
      </details>
    </section>
  )
}

function Linked({ to, hash }: { readonly to: string; readonly hash: string }): ReactNode {
  return (
    <span className="hash">
      <Link href={to}>
        <Hash value={hash} plain />
      </Link>
      <CopyButton text={hash} label={`Copy ${shortHash(hash)}`} />
    </span>
  )
}

const names: Readonly<Record<string, string>> = {
  type: 'Type',
  id: 'Id',
  issued: 'Signed at',
  content: 'Content',
  case: 'Case',
  refs: 'Refers to',
  retry: 'Retry value',
  body: 'Body',
}

/** The statement's own members; `log` stands in the address already. */
function Claims({ payload }: { readonly payload: BlockView['payload'] }): ReactNode {
  const members = Object.entries(names).filter(([name]) => payload[name] !== undefined)
  return members.map(([name, title]) => {
    const value = payload[name]
    return (
      <div key={name} className="fact">
        <dt>{title}</dt>
        <dd>
          <SafeText text={typeof value === 'string' ? value : JSON.stringify(value, null, 1)} />
        </dd>
      </div>
    )
  })
}
