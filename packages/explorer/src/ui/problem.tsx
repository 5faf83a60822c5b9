import type { ReactNode } from 'react'
import { useSignIn } from '../session/session.tsx'
import { explain } from './explanation.ts'
import { SafeText } from './safe-text.tsx'

/** An error in its place: what it is, what can be done, and a button where one helps. */
export function Problem({
  error,
  onRetry,
}: {
  readonly error: unknown
  readonly onRetry?: () => void
}): ReactNode {
  const { title, advice, said, code, remedy } = explain(error)
  const { signIn } = useSignIn()
  return (
    <div className="problem" role="alert">
      <p className="problem-title">{title}</p>
      {advice !== '' && <p>{advice}</p>}
      {said !== undefined && said !== '' && (
        <p className="problem-said">
          <SafeText text={said} /> {code !== undefined && <code>{code}</code>}
        </p>
      )}
      {remedy === 'sign-in' && (
        <button type="button" className="button" onClick={() => void signIn()}>
          Sign in again
        </button>
      )}
      {remedy === 'reload' && (
        <button type="button" className="button" onClick={() => location.reload()}>
          Load anew
        </button>
      )}
      {remedy === 'retry' && onRetry !== undefined && (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}
