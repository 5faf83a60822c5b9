import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import type { DeskApi, DeskWay } from '../../desk/desk-api.ts'
import { Problem } from '../../ui/problem.tsx'
import { runsKey } from './desk-runs.tsx'
import type { Plan } from './exchange-reading.ts'
import { WayFields } from './way-fields.tsx'

/** The client's side, in the desk's process. */
export function RunHere(props: {
  readonly desk: DeskApi
  readonly plan: Plan
  readonly label: string
}): ReactNode {
  const { desk, plan, label } = props
  const queries = useQueryClient()
  const [passphrase, setPassphrase] = useState('')
  const [way, setWay] = useState<DeskWay>({ via: 'direct' })
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()

  async function run(): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    const { server: _, ...asked } = plan
    try {
      await desk.exchange({ ...asked, way, ...(passphrase !== '' && { passphrase }) })
      setPassphrase('')
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
      await queries.invalidateQueries({ queryKey: runsKey })
    }
  }

  return (
    <form
      className="run-here"
      onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}
    >
      <div className="plan-fields">
        <label className="field">
          <span className="field-label">Passphrase for the new private keys (optional)</span>
          <input
            type="password"
            autoComplete="new-password"
            value={passphrase}
            onChange={({ target }) => setPassphrase(target.value)}
          />
        </label>
        <WayFields way={way} onChange={setWay} />
      </div>
      <button type="submit" className="button primary" aria-busy={isBusy}>
        {label}
      </button>
      <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
    </form>
  )
}
