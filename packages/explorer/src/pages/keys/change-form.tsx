import type { ChangePosted } from '@ledgerstone/client/registry-changes'
import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import { Problem } from '../../ui/problem.tsx'
import { type OwnKeyChoice, OwnKeyField } from './own-key-field.tsx'
import { type Change, useChanges } from './use-changes.ts'

/**
 * A change of the registry: its own fields, the key that signs it, and what became of it. `changeOf` may
 * throw what is missing.
 */
export function ChangeForm(props: {
  readonly action: string
  /** Of the key that signs. */
  readonly signer?: string
  readonly changeOf: () => Change
  /** As of `ledgerstone keys`, for where no key may be used in the page. */
  readonly command: string
  readonly isDanger?: boolean
  readonly children?: ReactNode
}): ReactNode {
  const { action, signer = "Registrar's key", changeOf, command, isDanger = false, children } = props
  const change = useChanges()
  const [by, setBy] = useState<OwnKeyChoice>()
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [posted, setPosted] = useState<ChangePosted>()

  async function submit(): Promise<void> {
    if (isBusy || change === undefined) return
    setBusy(true)
    setError(undefined)
    setPosted(undefined)
    try {
      if (by === undefined) throw new Error(`choose the ${signer.toLowerCase()} first`)
      setPosted(await change(changeOf(), by))
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }

  if (change === undefined) return <ElsewhereHint command={command} />
  return (
    <form
      className="change-form"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      {children}
      <OwnKeyField label={signer} onChange={setBy} />
      <div className="row">
        <button type="submit" className={`button ${isDanger ? 'danger' : 'primary'}`} aria-busy={isBusy}>
          {action}
        </button>
      </div>
      <div aria-live="polite">
        {error !== undefined && <Problem error={error} />}
        {posted !== undefined && <Posted posted={posted} />}
      </div>
    </form>
  )
}

function Posted({ posted: { index, counts, missing } }: { readonly posted: ChangePosted }): ReactNode {
  const who = missing === 1 ? 'another registrar has' : `${missing} other registrars have`
  return (
    <p className="change-done" role="status">
      It is <Link href={`/buckets/keys/blocks/${index}`}>block {index} of keys</Link>
      {counts ? ', and in force.' : `; it counts when ${who} approved it.`} It shows here as soon as it is
      final.
    </p>
  )
}

function ElsewhereHint({ command }: { readonly command: string }): ReactNode {
  return (
    <>
      <p>
        Private keys are not used here: this page comes from another computer, whose operator could send a
        page that takes them. Use <code>ledgerstone desk</code> on your own computer, or run there:
      </p>
      <pre>
        {command} --server {location.origin}
      </pre>
    </>
  )
}
