import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import { useConfiguration } from '../configuration-context.tsx'
import { useSignIn } from '../session/session.tsx'
import { SafeText } from '../ui/safe-text.tsx'

/** For people who are not signed in. */
export function Welcome(): ReactNode {
  const { ledger, issuer, servedBy } = useConfiguration()
  const { signIn, problem } = useSignIn()
  const [failure, setFailure] = useState<string>()
  const [isLeaving, setLeaving] = useState(false)

  async function leave(): Promise<void> {
    setLeaving(true)
    setFailure(undefined)
    try {
      await signIn()
    } catch {
      setLeaving(false)
      setFailure(`The sign-in service at ${new URL(issuer).host} cannot be reached. Try again in a moment.`)
    }
  }
  const told = failure ?? problem
  return (
    <div className="welcome">
      <h1>See the chain, verify it, open it</h1>
      <p>
        This is the explorer of <SafeText text={ledger} />. Everything that it calls verified was recomputed
        in your browser.
      </p>
      {told !== undefined && (
        <p className="warning" role="alert">
          <SafeText text={told} />
        </p>
      )}
      <p className="row">
        <button type="button" className="button primary" disabled={isLeaving} onClick={() => void leave()}>
          Sign in
        </button>
        <Link href="/verify" className="button">
          Verify a file without signing in
        </Link>
      </p>
      {servedBy === 'desk' && <p className="quiet">Served by the desk on this computer.</p>}
    </div>
  )
}
