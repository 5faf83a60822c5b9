import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Problem } from '../../ui/problem.tsx'
import { type ExchangeReading, isOver } from './exchange-reading.ts'
import { exchangesKey, useExchangesApi } from './use-exchanges.ts'

/**
 * Confirm what the other person read out, or cancel. A wrong string ends the exchange: there is one attempt.
 */
export function ConfirmForm({ exchange }: { readonly exchange: ExchangeReading }): ReactNode {
  const { id, state, string } = exchange
  const api = useExchangesApi()
  const queries = useQueryClient()
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()

  async function act(work: () => Promise<unknown>): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      await work()
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
      await queries.invalidateQueries({ queryKey: exchangesKey })
    }
  }

  const canConfirm = state === 'awaiting-confirmation' && string !== undefined
  const canCancel = !isOver(state) && state !== 'confirmed'
  return (
    <>
      {canConfirm && (
        <form
          className="card"
          onSubmit={(event) => {
            event.preventDefault()
            void act(() => api.confirm(id, typed.trim()))
          }}
        >
          <label className="field">
            <span className="field-label">What the other person read out</span>
            <input
              required
              autoComplete="off"
              spellCheck={false}
              className="string-input"
              value={typed}
              onChange={({ target }) => setTyped(target.value)}
            />
          </label>
          <p className="aside">Type what you hear, not what you see: a wrong string ends the exchange.</p>
          <button type="submit" className="button primary" aria-busy={isBusy}>
            Confirm
          </button>
        </form>
      )}
      {canCancel && (
        <div className="row">
          <button type="button" className="button danger" onClick={() => void act(() => api.cancel(id))}>
            Cancel the exchange
          </button>
        </div>
      )}
      <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
    </>
  )
}
