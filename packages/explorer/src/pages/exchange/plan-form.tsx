import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import type { DeskApi } from '../../desk/desk-api.ts'
import { useDesk } from '../../desk/use-desk.ts'
import { CopyButton } from '../../ui/hash.tsx'
import { Problem } from '../../ui/problem.tsx'
import { runsKey } from './desk-runs.tsx'
import { commandOf, type Plan } from './exchange-reading.ts'

type Draft = {
  readonly owner: string
  readonly assurance: Plan['assurance']
  readonly openAt: string
  readonly port: string
}

const nothing: Draft = { owner: '', assurance: 'sas', openAt: '', port: '' }

/** When, on which port, whose keys, how sure: run from this desk, or by a command on the other machine. */
export function PlanForm(): ReactNode {
  const desk = useDesk()
  const [draft, setDraft] = useState(nothing)
  const set = (changes: Partial<Draft>): void => setDraft({ ...draft, ...changes })
  const server = useServer(desk)
  const plan = planOf(draft, server)
  return (
    <section className="card" aria-labelledby="plan-heading">
      <h2 id="plan-heading">Schedule an exchange</h2>
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
            onChange={({ target }) => set({ assurance: target.value as Plan['assurance'] })}
          >
            <option value="sas">sas: two people compare the string</option>
            <option value="two-person">two-person: another person confirms</option>
            <option value="token">token: unattended, nothing is compared</option>
          </select>
        </label>
        <label className="field">
          <span className="field-label">Time (now, when empty)</span>
          <input
            type="datetime-local"
            value={draft.openAt}
            onChange={({ target }) => set({ openAt: target.value })}
          />
        </label>
        <label className="field">
          <span className="field-label">Port (random, when empty)</span>
          <input
            inputMode="numeric"
            value={draft.port}
            onChange={({ target }) => set({ port: target.value })}
          />
        </label>
      </div>
      {typeof plan === 'string' ? (
        <p className="aside">{plan}</p>
      ) : (
        <>
          {desk !== undefined && <RunHere desk={desk} plan={plan} />}
          <p className="plan-command-label">
            {desk === undefined
              ? 'Run this on the other machine; it asks for the exchange, which then shows here:'
              : 'Or run it on another machine:'}
          </p>
          <p className="plan-command">
            <code>{commandOf(plan)}</code> <CopyButton text={commandOf(plan)} label="Copy the command" />
          </p>
          <p className="aside">
            The first time, with <code>--trust FILE</code>, the trust file that you handed over; and with a
            token or a client of its own (<code>--token</code>, <code>--client</code>).
          </p>
        </>
      )}
    </section>
  )
}

/** Where another machine finds the sealer: this page's address, unless the page comes from a desk. */
function useServer(desk: DeskApi | undefined): string {
  const { data } = useQuery({
    queryKey: ['desk', 'server'],
    queryFn: async () => (await desk?.exchanges())?.server ?? location.origin,
    staleTime: Number.POSITIVE_INFINITY,
  })
  return data ?? location.origin
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

function RunHere({ desk, plan }: { readonly desk: DeskApi; readonly plan: Plan }): ReactNode {
  const queries = useQueryClient()
  const [passphrase, setPassphrase] = useState('')
  const [ssh, setSsh] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()

  async function run(): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    const { server: _, ...asked } = plan
    try {
      await desk.exchange({
        ...asked,
        way: ssh.trim() === '' ? { via: 'direct' } : { via: 'ssh', ssh: ssh.trim() },
        ...(passphrase !== '' && { passphrase }),
      })
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
        <label className="field">
          <span className="field-label">Through SSH (user@host; direct, when empty)</span>
          <input value={ssh} onChange={({ target }) => setSsh(target.value)} />
        </label>
      </div>
      <button type="submit" className="button primary" aria-busy={isBusy}>
        Run it from this computer
      </button>
      <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
    </form>
  )
}
