import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useLocation } from 'wouter'
import { useDesk } from '../../desk/use-desk.ts'
import { Problem } from '../../ui/problem.tsx'
import { TimeField } from '../../ui/time-field.tsx'
import { CommandLine } from './command-line.tsx'
import { type Assurance, type Plan, parseExchange } from './exchange-reading.ts'
import { RunHere } from './run-here.tsx'
import { exchangesKey, useExchangesApi } from './use-exchanges.ts'
import { useServer } from './use-server.ts'

type Draft = {
  readonly owner: string
  readonly assurance: Assurance
  readonly openAt: string
  readonly port: string
}

const nothing: Draft = { owner: '', assurance: 'sas', openAt: '', port: '' }

/** When, on which port, whose keys, how sure: scheduled at the sealer, or run from this desk. */
export function ScheduleForm(): ReactNode {
  const desk = useDesk()
  const [draft, setDraft] = useState(nothing)
  const server = useServer(desk)
  const plan = planOf(draft, server)
  const isPlan = typeof plan !== 'string'
  const { schedule, isBusy, error } = useScheduling()
  return (
    <section className="card" aria-labelledby="plan-heading">
      <h2 id="plan-heading">Schedule an exchange</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (isPlan) void schedule(plan)
        }}
      >
        <DraftFields draft={draft} onChange={setDraft} />
        {isPlan ? (
          <p className="aside">It waits here, without an open port, until the other machine joins it.</p>
        ) : (
          <p className="aside">{plan}</p>
        )}
        <button type="submit" className="button primary" aria-busy={isBusy} disabled={!isPlan}>
          Schedule
        </button>
        <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
      </form>
      {isPlan && desk !== undefined && <RunHere desk={desk} plan={plan} label="Run it from this computer" />}
      {isPlan && (
        <details className="plan-other">
          <summary>Or have the other machine ask for it by itself</summary>
          <CommandLine plan={plan} />
        </details>
      )}
    </section>
  )
}

/** Once it is scheduled, its own page says what is to be run where. */
function useScheduling(): {
  readonly schedule: (plan: Plan) => Promise<void>
  readonly isBusy: boolean
  readonly error: unknown
} {
  const api = useExchangesApi()
  const queries = useQueryClient()
  const [, navigate] = useLocation()
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  async function schedule({ server: _, ...asked }: Plan): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      const exchange = parseExchange(await api.create(asked))
      queries.setQueryData([...exchangesKey, exchange.id], exchange)
      navigate(`/exchange/${exchange.id}`)
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  return { schedule, isBusy, error }
}

function DraftFields(props: { readonly draft: Draft; readonly onChange: (draft: Draft) => void }): ReactNode {
  const { draft, onChange } = props
  const set = (changes: Partial<Draft>): void => onChange({ ...draft, ...changes })
  return (
    <div className="plan-fields">
      <label className="field">
        <span className="field-label">Owner of the keys</span>
        <input
          value={draft.owner}
          placeholder="treasury"
          onChange={({ target }) => set({ owner: target.value })}
        />
      </label>
      <label className="field">
        <span className="field-label">Assurance</span>
        <select
          value={draft.assurance}
          onChange={({ target }) => set({ assurance: target.value as Assurance })}
        >
          <option value="sas">sas: two people compare</option>
          <option value="two-person">two-person: another confirms</option>
          <option value="token">token: nothing is compared</option>
        </select>
      </label>
      <TimeField
        label="Time"
        note="now, when empty"
        value={draft.openAt}
        onChange={(openAt) => set({ openAt })}
      />
      <label className="field">
        <span className="field-label">Port (random, when empty)</span>
        <input
          inputMode="numeric"
          value={draft.port}
          onChange={({ target }) => set({ port: target.value })}
        />
      </label>
    </div>
  )
}

/** What is missing, in words, while it is no plan. */
function planOf({ owner, assurance, openAt, port }: Draft, server: string): Plan | string {
  const name = owner.trim()
  if (name === '') return 'Say whose keys are to be exchanged.'
  if (!/^[a-z0-9][a-z0-9._@-]{0,126}$/.test(name)) {
    return 'An owner is written in small letters, digits and . _ @ - and begins with a letter or digit.'
  }
  const number = Number(port)
  if (port !== '' && !(Number.isInteger(number) && number > 0 && number < 65_536)) return 'That is no port.'
  const at = openAt === '' ? undefined : new Date(openAt)
  if (at !== undefined && Number.isNaN(at.getTime())) return 'That is no time.'
  return {
    ...{ server, owner: name, assurance },
    ...(at !== undefined && { openAt: at.toISOString() }),
    ...(port !== '' && { port: number }),
  }
}
