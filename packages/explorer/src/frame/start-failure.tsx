import { Refused } from '@ledgerstone/core/refused'
import type { ReactNode } from 'react'
import { SafeText } from '../ui/safe-text.tsx'

/** Not even the configuration came, or the sign-in could not be finished. */
export function StartFailure(props: { readonly error: unknown; readonly onRetry: () => void }): ReactNode {
  const { error, onRetry } = props
  if (error instanceof Refused && error.code === 'no-session') return <NotByTheDesk />
  return (
    <main className="welcome">
      <h1>The explorer cannot start</h1>
      <p>The service behind this page does not answer as it should. Check whether it is running.</p>
      <p className="quiet">
        <SafeText text={error instanceof Error ? error.message : String(error)} />
      </p>
      <button type="button" className="button primary" onClick={onRetry}>
        Try again
      </button>
    </main>
  )
}

/** Another tab, another browser, or somebody else on this computer. */
function NotByTheDesk(): ReactNode {
  return (
    <main className="welcome">
      <h1>This page was not opened by the desk</h1>
      <p>
        The desk lets in the one page that it has opened itself, by an address that works once. Close this
        page, end the desk with Ctrl-C and start <code>ledgerstone desk</code> again.
      </p>
      <p className="quiet">
        If that address was used already, and not by you, somebody else on this computer did: tell the people
        who look after it.
      </p>
    </main>
  )
}
