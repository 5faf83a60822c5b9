// The client's side of key exchanges, run by the desk for its page: what happened so far, and the comparison
// that it waits for.
import { randomUUID } from 'node:crypto'
import { Refused } from '@ledgerstone/core/refused'
import { type ExchangeOptions, type ExchangeOutcome, exchangeKeys } from '../exchange-run.ts'
import { explain } from '../output.ts'

export type RunView = {
  readonly id: string
  /** `comparing`: the page shows `string`, and the person says whether the other one sees the same. */
  readonly state: 'running' | 'comparing' | 'done' | 'failed'
  readonly owner: string
  readonly assurance: string
  readonly way: string
  /** Of the exchange at the sealer: the one that is joined, or once it was asked for. */
  readonly exchange?: string
  readonly steps: readonly { readonly step: string; readonly text: string; readonly time: string }[]
  readonly string?: string
  readonly outcome?: ExchangeOutcome
  readonly problem?: { readonly code?: string; readonly detail: string }
}

type Run = {
  view: RunView
  token: string
  answer?: (isSame: boolean) => void
  readonly stop: AbortController
}

type Wanted = Omit<ExchangeOptions, 'token' | 'compare' | 'onStep' | 'signal'>

const runsMax = 4

/** Runs until it is closed: what still runs is then cancelled. */
export class ExchangeRuns {
  readonly #runs = new Map<string, Run>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Begins one; `token` is what the page has now. Throws `rate-limited` while too many are running.
   */
  begin(wanted: Wanted, token: string): RunView {
    const running = [...this.#runs.values()].filter(({ view }) => !isOver(view))
    if (running.length >= runsMax) throw new Refused('rate-limited', 'too many exchanges run at this desk')
    const { owner, assurance, way, join } = wanted
    const id = randomUUID()
    const named = join === undefined ? {} : { exchange: join }
    const view: RunView = { id, state: 'running', owner, assurance, way: way.name, ...named, steps: [] }
    const run: Run = { view, token, stop: new AbortController() }
    this.#runs.set(id, run)
    void this.#carryOut(run, wanted)
    return run.view
  }

  /** The newest first. */
  list(): readonly RunView[] {
    return [...this.#runs.values()].map(({ view }) => view).reverse()
  }

  /** The page asks with its newest token: an exchange may last longer than one. Throws `unknown-exchange`. */
  get(id: string, token: string): RunView {
    const run = this.#find(id)
    run.token = token
    return run.view
  }

  /** Throws `exchange-over` when nothing is to be compared. */
  compare(id: string, isSame: boolean): RunView {
    const run = this.#find(id)
    if (run.answer === undefined) throw new Refused('exchange-over', 'there is nothing to compare now')
    run.answer(isSame)
    return run.view
  }

  cancel(id: string): RunView {
    const run = this.#find(id)
    run.stop.abort()
    return run.view
  }

  close(): void {
    for (const { stop } of this.#runs.values()) stop.abort()
  }

  #find(id: string): Run {
    const run = this.#runs.get(id)
    if (run === undefined) throw new Refused('unknown-exchange', 'the desk runs no such exchange')
    return run
  }

  async #carryOut(run: Run, wanted: Wanted): Promise<void> {
    const set = (changes: Partial<RunView>): void => {
      run.view = { ...run.view, ...changes }
    }
    try {
      const outcome = await exchangeKeys({
        ...wanted,
        token: async () => run.token,
        signal: run.stop.signal,
        compare: (string) => this.#compared(run, string, set),
        onStep: (happened) => {
          const { step, text } = happened
          const time = new Date(this.#now()).toISOString()
          const named = 'exchange' in happened ? { exchange: happened.exchange } : {}
          set({ ...named, steps: [...run.view.steps, { step, text, time }] })
        },
      })
      set({ state: 'done', outcome })
    } catch (error) {
      const stopped = run.stop.signal.aborted ? { detail: 'cancelled at the desk' } : problemOf(error)
      set({ state: 'failed', problem: stopped })
    }
  }

  #compared(run: Run, string: string, set: (changes: Partial<RunView>) => void): Promise<boolean> {
    set({ state: 'comparing', string })
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    const { signal } = run.stop
    const settle = (): void => {
      signal.removeEventListener('abort', abort)
      delete run.answer
      set({ state: 'running' })
    }
    const abort = (): void => {
      settle()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    run.answer = (isSame) => {
      settle()
      resolve(isSame)
    }
    return promise
  }
}

function isOver({ state }: RunView): boolean {
  return state === 'done' || state === 'failed'
}

function problemOf(error: unknown): NonNullable<RunView['problem']> {
  if (error instanceof Refused) return { code: error.code, detail: error.message }
  // A stack is for the terminal of whoever mends it, not for the page.
  return { detail: error instanceof Error ? error.message : explain(error).text }
}
