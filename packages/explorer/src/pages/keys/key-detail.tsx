import type { EventView, KeyView } from '@ledgerstone/core/key-view'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import { useProof } from '../../proof/proof-context.tsx'
import { Hash } from '../../ui/hash.tsx'
import { Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { shortHash } from '../../ui/short-hash.ts'
import { Time } from '../../ui/time.tsx'
import { MarkForm, RevokeForm, RotateForm } from './change-fields.tsx'
import { KeyBadge } from './key-badge.tsx'
import { eventText } from './key-words.ts'
import { keysKey } from './use-changes.ts'

/** One key: what is known of it, its history block by block, and what can be done about it. */
export function KeyDetail({
  view,
  children,
}: {
  readonly view: KeyView
  /** How far the registry can be believed. */
  readonly children: ReactNode
}): ReactNode {
  const isOver = view.revoked !== null || view.replaced !== null
  return (
    <>
      <p>
        <Link href="/keys">← Keys</Link>
      </p>
      <h1>
        Key of <SafeText text={view.owner} />
      </h1>
      {children}
      <Warnings view={view} />
      <section className="card" aria-label="About this key">
        <Facts view={view} />
      </section>
      <KeyHistory kid={view.kid} size={view.pending.length} />
      {view.effective !== null && (isOver ? <Marking view={view} /> : <Actions view={view} />)}
    </>
  )
}

function Warnings({
  view: { expiresSoon, state, notAfter, revoked },
}: {
  readonly view: KeyView
}): ReactNode {
  if (revoked !== null) {
    return (
      <p className="problem" role="note">
        Revoked: <SafeText text={revoked.reason} />
        {revoked.suspectFrom !== null && (
          <>
            . Suspect from <Time ms={Date.parse(revoked.suspectFrom)} />
          </>
        )}
      </p>
    )
  }
  if (notAfter === null || !(expiresSoon || state === 'expired')) return null
  return (
    <p className="warning" role="note">
      {state === 'expired' ? 'It expired ' : 'It expires '}
      <Time ms={Date.parse(notAfter)} />: register or rotate to a new key in time, or sealing for it stops.
    </p>
  )
}

function Facts({ view }: { readonly view: KeyView }): ReactNode {
  const { kid, owner, purpose, kind, roles, assurance, requested, effective, notBefore, notAfter } = view
  const { replaced } = view
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['State', <KeyBadge key="state" view={view} />],
    ['Fingerprint', <Hash key="kid" value={kid} full />],
    ['Owner', <SafeText key="owner" text={owner} />],
    ['Purpose', `${purpose}${roles.length === 0 ? '' : `; roles: ${roles.join(', ')}`}`],
    ['Kind', kind],
    ['Assurance', assuranceTexts[assurance]],
    ['Valid', <Validity key="valid" from={notBefore} until={notAfter} />],
    ['Asked for in', <BlockLink key="requested" index={requested} />],
    ['Counts from', effective === null ? 'not yet' : <BlockLink key="effective" index={effective} />],
    ...(replaced === null ? [] : [['Replaced in', <Replaced key="replaced" {...replaced} />] as const]),
    ['Public key', <Hash key="spki" value={view.key} />],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} className="fact">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

const assuranceTexts: Readonly<Record<KeyView['assurance'], string>> = {
  local: "local: the registrar's own machine had it",
  token: 'token: exchanged under an access token',
  sas: 'sas: two people compared a short string',
  'two-person': 'two-person: two people compared, and another than who asked confirmed',
}

function Validity({
  from,
  until,
}: {
  readonly from: string | null
  readonly until: string | null
}): ReactNode {
  if (from === null && until === null) return 'without end'
  return (
    <>
      {from !== null && (
        <>
          from <Time ms={Date.parse(from)} />{' '}
        </>
      )}
      {until !== null && (
        <>
          until <Time ms={Date.parse(until)} />
        </>
      )}
    </>
  )
}

function Replaced({ index, by }: { readonly index: number; readonly by: string }): ReactNode {
  return (
    <>
      <BlockLink index={index} /> by <Link href={`/keys/${by}`}>{shortHash(by)}</Link>
    </>
  )
}

function BlockLink({ index }: { readonly index: number }): ReactNode {
  return <Link href={`/buckets/keys/blocks/${index}`}>block {index} of keys</Link>
}

/** `size` changes with what is open about it. */
function KeyHistory({ kid, size }: { readonly kid: string; readonly size: number }): ReactNode {
  const proof = useProof()
  const history = useQuery({
    queryKey: [...keysKey, 'history', kid, size],
    queryFn: () => proof.ask('key-history', { kid }),
    placeholderData: (before) => before,
  })
  return (
    <section className="card" aria-labelledby="history-heading">
      <h2 id="history-heading">History</h2>
      {history.isPending && <Loading />}
      {history.error !== null && <Problem error={history.error} onRetry={() => void history.refetch()} />}
      {history.data !== undefined && (
        <ol className="key-history">
          {history.data.map((event) => (
            <HistoryEvent key={event.index} event={event} />
          ))}
        </ol>
      )}
    </section>
  )
}

function HistoryEvent({ event }: { readonly event: EventView }): ReactNode {
  const { index, time, signer } = event
  return (
    <li>
      <strong>{eventText(event)}</strong> by <SafeText text={signer.owner} />
      <br />
      <span className="quiet">
        <BlockLink index={index} />, <Time ms={Date.parse(time)} />
      </span>
    </li>
  )
}

/** The key has ended, and it turns out to have been stolen, or earlier than was thought. */
function Marking({ view }: { readonly view: KeyView }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  return (
    <section className="card" aria-label="Mark this key">
      {isOpen ? (
        <MarkForm view={view} />
      ) : (
        <button type="button" className="button danger" onClick={() => setOpen(true)}>
          Mark as stolen…
        </button>
      )}
    </section>
  )
}

function Actions({ view }: { readonly view: KeyView }): ReactNode {
  const [action, setAction] = useState<'rotate' | 'revoke'>()
  return (
    <section className="card" aria-label="Change this key">
      <div className="row">
        <button type="button" className="button" onClick={() => setAction('rotate')}>
          Rotate…
        </button>
        <button type="button" className="button danger" onClick={() => setAction('revoke')}>
          Revoke…
        </button>
      </div>
      {action === 'rotate' && <RotateForm />}
      {action === 'revoke' && <RevokeForm view={view} />}
    </section>
  )
}
