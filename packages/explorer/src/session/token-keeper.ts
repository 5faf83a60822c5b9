// The access token of the person who is signed in: renewed shortly before it expires, one renewal at a time.
import type { TokenSource } from '@ledgerstone/client/http'
import type { Tokens } from './authorization.ts'

/** The person has to sign in again: the session at the OAuth service is over. */
export class SessionEnded extends Error {
  override readonly name = 'SessionEnded'
  constructor() {
    super('the sign-in has ended')
  }
}

export type TokenKeeperOptions = {
  readonly tokens: Tokens
  /** Undefined when the person must sign in again; rejects when the OAuth service cannot be reached. */
  readonly renew: (tokens: Tokens) => Promise<Tokens | undefined>
  /** Told once. */
  readonly onEnd: () => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const renewalMs = 60_000

export class TokenKeeper {
  readonly #options: TokenKeeperOptions
  #tokens: Tokens
  #isEnded = false
  #flight: Promise<void> | undefined

  constructor(options: TokenKeeperOptions) {
    this.#options = options
    this.#tokens = options.tokens
  }

  get tokens(): Tokens {
    return this.#tokens
  }

  /** For a client's requests. Rejects with `SessionEnded`. */
  readonly source: TokenSource = async (rejected) => {
    const { now } = this.#options
    const isDue = now() > this.#tokens.expiresAt - renewalMs
    if (isDue || rejected === this.#tokens.access) await this.renew()
    return this.#tokens.access
  }

  /** Rejects with `SessionEnded`; while the OAuth service is away, a token that is still good is kept. */
  async renew(): Promise<void> {
    if (this.#isEnded) throw new SessionEnded()
    this.#flight ??= this.#renewOnce().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #renewOnce(): Promise<void> {
    const { renew, onEnd, now } = this.#options
    let renewed: Tokens | undefined
    try {
      renewed = await renew(this.#tokens)
    } catch (error) {
      if (now() < this.#tokens.expiresAt) return
      throw error
    }
    if (renewed === undefined) {
      this.#isEnded = true
      onEnd()
      throw new SessionEnded()
    }
    this.#tokens = renewed
  }
}
