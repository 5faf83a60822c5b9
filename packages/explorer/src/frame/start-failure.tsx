import type { ReactNode } from 'react'
import { SafeText } from '../ui/safe-text.tsx'

/** Not even the configuration came, or the sign-in could not be finished. */
export function StartFailure(props: { readonly error: unknown; readonly onRetry: () => void }): ReactNode {
  const { error, onRetry } = props
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
