import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import { useProof } from '../../proof/proof-context.tsx'
import type { KeysReading } from '../../proof/registry-keys.ts'
import { Hash } from '../../ui/hash.tsx'
import { Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { Ago } from '../../ui/time.tsx'
import { Verdict } from '../../ui/verdict.tsx'
import { RegisterForm } from './change-fields.tsx'
import { KeyDetail } from './key-detail.tsx'
import { KeyList } from './key-list.tsx'
import { PendingList } from './pending-list.tsx'
import { keysKey } from './use-changes.ts'
import './keys.css'

/** The key registry, replayed in this browser from its first block. */
export function KeysPage({ kid }: { readonly kid?: string }): ReactNode {
  const proof = useProof()
  const reading = useQuery({
    queryKey: keysKey,
    queryFn: () => proof.ask('keys', undefined),
    refetchInterval: 5000,
  })
  const { data, error, isPending } = reading
  return (
    <div className="keys-page">
      {kid === undefined && <h1>Keys</h1>}
      {isPending && <Loading what="Replaying the key registry" />}
      {error !== null && <Failed error={error} onRetry={() => void reading.refetch()} />}
      {data !== undefined &&
        (kid === undefined ? <Registry reading={data} /> : <One kid={kid} reading={data} />)}
    </div>
  )
}

function Failed(props: { readonly error: Error; readonly onRetry: () => void }): ReactNode {
  return <Problem error={props.error} onRetry={props.onRetry} />
}

function Registry({ reading }: { readonly reading: KeysReading }): ReactNode {
  const { keys, pending, threshold } = reading
  const warned = keys.filter(({ expiresSoon }) => expiresSoon)
  return (
    <>
      <Standing reading={reading} />
      {warned.length > 0 && (
        <p className="warning" role="note">
          {warned.length === 1 ? 'One key expires' : `${warned.length} keys expire`} within 30 days: see
          below.
        </p>
      )}
      <PendingList pending={pending} threshold={threshold} />
      <KeyList keys={keys} />
      <Registering />
    </>
  )
}

function Standing({ reading }: { readonly reading: KeysReading }): ReactNode {
  const { standing, policy, size, threshold, genesis, asOf } = reading
  return (
    <>
      <Verdict standing={standing} {...(policy !== undefined && { policy })} />
      <p className="quiet">
        Replayed here from all {size.toLocaleString('en')} blocks of{' '}
        <Link href="/buckets/keys">the bucket keys</Link>, as of <Ago ms={asOf} />.{' '}
        {threshold === 1 ? 'One registrar' : `${threshold} registrars`} must sign a change. Genesis:{' '}
        <Hash value={genesis} />
      </p>
    </>
  )
}

function Registering(): ReactNode {
  const [isOpen, setOpen] = useState(false)
  return (
    <section className="card" aria-labelledby="register-heading">
      <h2 id="register-heading">Register a key</h2>
      <p className="quiet">
        Keys of other machines come by a <Link href="/exchange">key exchange</Link>. Here a key is registered
        whose private half you hold; <code>ledgerstone keys new</code> makes one.
      </p>
      {isOpen ? (
        <RegisterForm />
      ) : (
        <button type="button" className="button" onClick={() => setOpen(true)}>
          Register a key…
        </button>
      )}
    </section>
  )
}

function One({ kid, reading }: { readonly kid: string; readonly reading: KeysReading }): ReactNode {
  const view = reading.keys.find((key) => key.kid === kid)
  if (view === undefined) {
    return (
      <>
        <h1>There is no such key</h1>
        <p>
          The registry has never had a key with this fingerprint. <Link href="/keys">All keys</Link>
        </p>
      </>
    )
  }
  return (
    <KeyDetail key={kid} view={view}>
      <Standing reading={reading} />
    </KeyDetail>
  )
}
