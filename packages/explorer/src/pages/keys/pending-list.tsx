import type { PendingView } from '@ledgerstone/core/key-view'
import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import { Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { ChangeForm } from './change-form.tsx'
import { askedText } from './key-words.ts'

/** What was asked of the registry, and still lacks the approval of other registrars. */
export function PendingList(props: {
  readonly pending: readonly PendingView[]
  readonly threshold: number
}): ReactNode {
  const { pending, threshold } = props
  if (pending.length === 0) return null
  return (
    <section className="card pending" aria-labelledby="pending-heading">
      <h2 id="pending-heading">Waiting for approval</h2>
      <p className="quiet">
        A change counts when registrars of {threshold} different owners have signed it. The ones before did
        not need you to trust anybody: check what is asked, then approve with a key of your own.
      </p>
      <ul>
        {pending.map((each) => (
          <PendingChange key={each.id} pending={each} threshold={threshold} />
        ))}
      </ul>
    </section>
  )
}

function PendingChange(props: { readonly pending: PendingView; readonly threshold: number }): ReactNode {
  const { pending, threshold } = props
  const { id, index, missing, owners, asked } = pending
  const [isOpen, setOpen] = useState(false)
  return (
    <li>
      <p className="pending-what">
        <SafeText text={askedText(asked)} />
      </p>
      <p className="quiet">
        <Link href={`/buckets/keys/blocks/${index}`}>Block {index}</Link>, <Hash value={id} />.{' '}
        {threshold - missing} of {threshold} approved: <SafeText text={owners.join(', ')} />.
      </p>
      {isOpen ? (
        <ChangeForm
          action="Approve"
          command={`ledgerstone keys approve ${id} --key REGISTRAR.pem`}
          changeOf={() => ({ kind: 'approve', id })}
        />
      ) : (
        <button type="button" className="button small" onClick={() => setOpen(true)}>
          Approve…
        </button>
      )}
    </li>
  )
}
