import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import type { DeskApi, DeskRun } from '../../desk/desk-api.ts'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { ShortString } from './short-string.tsx'

export const runsKey: readonly string[] = ['desk', 'runs']

const [busyMs, idleMs] = [400, 5000]

/** Exchanges whose client's side is this computer: all, or the one with that id at the sealer. */
export function DeskRuns(props: { readonly desk: DeskApi; readonly exchange?: string }): ReactNode {
  const { desk, exchange } = props
  const { data: all = [], error } = useQuery({
    queryKey: runsKey,
    async queryFn() {
      // Each is asked for under the newest token, which it goes on with.
      const { runs: known } = await desk.exchanges()
      return Promise.all(known.map((run) => (isOver(run) ? run : desk.run(run.id))))
    },
    refetchInterval: ({ state }) => (state.data?.some((run) => !isOver(run)) === true ? busyMs : idleMs),
  })
  if (error !== null) return <Problem error={error} />
  const runs = all.filter((run) => exchange === undefined || run.exchange === exchange)
  if (runs.length === 0) return null
  return (
    <section aria-labelledby="runs-heading">
      <h2 id="runs-heading">From this computer</h2>
      <ul className="exchange-list">
        {runs.map((run) => (
          <li key={run.id} className="card">
            <Run run={run} desk={desk} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function isOver({ state }: DeskRun): boolean {
  return state === 'done' || state === 'failed'
}

function Run({ run, desk }: { readonly run: DeskRun; readonly desk: DeskApi }): ReactNode {
  const { id, owner, way, assurance, state, exchange, steps, problem, outcome } = run
  const queries = useQueryClient()
  const [error, setError] = useState<unknown>()
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    setError(undefined)
    await work().catch(setError)
    await queries.invalidateQueries({ queryKey: runsKey })
  }
  return (
    <>
      <div className="row">
        <strong>
          Keys of <SafeText text={owner} />
        </strong>
        <span className="quiet">
          {way}, {assurance}
        </span>
        {exchange !== undefined && <Link href={`/exchange/${exchange}`}>The server's side</Link>}
      </div>
      <ol className="run-steps" aria-live="polite">
        {steps.map(({ step, text, time }) => (
          <li key={`${step} ${time} ${text}`}>
            <strong>{step}</strong> <SafeText text={text} />
          </li>
        ))}
      </ol>
      {state === 'comparing' && run.string !== undefined && (
        <Compare string={run.string} onAnswer={(same) => void act(() => desk.compare(id, same))} />
      )}
      {state === 'running' && run.string !== undefined && (
        <p role="status">
          Your answer is given. After a yes it goes on when the server's side is confirmed, too.
        </p>
      )}
      {state === 'done' && (
        <p className="run-done" role="status">
          Done: both sides hold each other's keys.{' '}
          {outcome?.keys.map(({ kid, file }) => (
            <span key={kid}>
              {file !== undefined && (
                <>
                  Private key in <SafeText text={file} />.{' '}
                </>
              )}
            </span>
          ))}
        </p>
      )}
      {state === 'failed' && problem !== undefined && (
        <p className="problem">
          <span className="problem-title">It did not work. </span>
          <SafeText text={problem.detail} /> {problem.code !== undefined && <code>{problem.code}</code>}
        </p>
      )}
      {!isOver(run) && (
        <button type="button" className="button danger small" onClick={() => void act(() => desk.cancel(id))}>
          Cancel
        </button>
      )}
      {error !== undefined && <Problem error={error} />}
    </>
  )
}

function Compare(props: { readonly string: string; readonly onAnswer: (same: boolean) => void }): ReactNode {
  const { string, onAnswer } = props
  return (
    <section className="comparison" aria-label="Compare the short string">
      <ShortString string={string} />
      <p>
        Read it aloud to the person who sees the server's side, by telephone or face to face. Do they see the
        same, in every character?
      </p>
      <div className="row">
        <button type="button" className="button primary" onClick={() => onAnswer(true)}>
          Yes, the same
        </button>
        <button type="button" className="button danger" onClick={() => onAnswer(false)}>
          No
        </button>
      </div>
    </section>
  )
}
