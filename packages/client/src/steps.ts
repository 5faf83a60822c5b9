// A verification in steps, each with what it found.
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'

/** In this order. `registry` comes before what is judged by it. */
const stepNames = [
  'entry',
  'links',
  'registry',
  'checkpoint',
  'history',
  'inclusion',
  'statement',
  'envelope',
] as const
export type StepName = (typeof stepNames)[number]

/** `none`: there was nothing to check, or what it needs was not to be had; `said` says which. */
export type Step =
  | { readonly name: StepName; readonly state: 'sound' | 'none'; readonly said: string }
  | { readonly name: StepName; readonly state: 'failed'; readonly said: string; readonly code: RefusalCode }

/** What a step hands on, and what is to be said of it: it is wrong, or there was nothing to check. */
export type Found<T> = {
  readonly value: T
  readonly said: string
  readonly wrong?: Refused
  readonly none?: true
}

/** The steps of one verification as they are taken. */
export class Steps {
  readonly #done = new Map<StepName, Step>()

  get failed(): boolean {
    return [...this.#done.values()].some(({ state }) => state === 'failed')
  }

  /** What `work` found; undefined when that was refused. Throws what is no finding about the block. */
  async take<T>(name: StepName, work: () => Promise<Found<T>>): Promise<T | undefined> {
    try {
      const { value, said, wrong, none } = await work()
      if (wrong !== undefined) this.#fail(name, wrong)
      else this.#done.set(name, { name, state: none ? 'none' : 'sound', said })
      return value
    } catch (error) {
      if (!(error instanceof Refused) || notOfTheBlock.includes(error.code)) throw error
      this.#fail(name, error)
      return undefined
    }
  }

  all(): readonly Step[] {
    const missing = 'not reached: an earlier step that it needs has failed'
    return stepNames.map((name) => this.#done.get(name) ?? { name, state: 'none', said: missing })
  }

  #fail(name: StepName, { code, message }: Refused): void {
    this.#done.set(name, { name, state: 'failed', code, said: message })
  }
}

/** The caller, the service or the question is at fault, and the block may be as sound as any. */
const notOfTheBlock: readonly RefusalCode[] = [
  'no-token',
  'bad-token',
  'token-expired',
  'wrong-audience',
  'bad-proof-of-possession',
  'insufficient-scope',
  'rate-limited',
  'issuer-unavailable',
  'unknown-bucket',
  'unknown-block',
  'bad-query',
  'stopping',
]
