// What went wrong, in words for the person, and what can be done about it.
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import { SessionEnded } from '../session/token-keeper.ts'

export type Explanation = {
  readonly title: string
  readonly advice: string
  /** What the program that refused has said of it. */
  readonly said?: string
  readonly code?: string
  /** `sign-in`: the person can sign in again; `retry`: asking again may help; `reload`: the whole page. */
  readonly remedy?: 'sign-in' | 'retry' | 'reload'
}

const tokenProblem = {
  title: 'Your sign-in is not valid any more',
  advice: 'Sign in again to go on where you are.',
  remedy: 'sign-in',
} as const

const retryLater = { advice: 'It can be tried again in a moment.', remedy: 'retry' } as const

const explanations: Partial<Record<RefusalCode, Omit<Explanation, 'said' | 'code'>>> = {
  'insufficient-scope': {
    title: 'You have no permission for this',
    advice: 'Ask the people who run the sign-in service to grant you the scope that is named here.',
  },
  'token-expired': tokenProblem,
  'bad-token': tokenProblem,
  'no-token': tokenProblem,
  'wrong-audience': {
    title: 'Your token is for another service',
    advice: 'The sign-in service must give the explorer tokens for this ledger. Tell the people who run it.',
  },
  'issuer-unavailable': { title: 'The sign-in service cannot be reached', ...retryLater },
  'unknown-bucket': { title: 'There is no such bucket', advice: 'The overview lists those that there are.' },
  'unknown-key': { title: 'There is no such key', advice: 'The page Keys lists all that were registered.' },
  'unknown-block': { title: 'There is no such block', advice: 'The bucket ends before it.' },
  'wrong-key': { title: 'This is not the right key', advice: '' },
  'wrong-passphrase': { title: 'The passphrase is missing or wrong', advice: '' },
  'cannot-open': { title: 'The record cannot be opened', advice: '' },
  erased: { title: 'The record was erased', advice: 'Its block, hash and receipt stay.' },
  'documents-unavailable': {
    title: 'Filters and searches are not available now',
    advice: 'The index behind them is missing or being rebuilt. Without filters, every block can be seen.',
    remedy: 'retry',
  },
  'rate-limited': { title: 'Too many requests at once', ...retryLater },
  stopping: { title: 'The service is being stopped', ...retryLater },
  'pool-full': { title: 'The service is busy', ...retryLater },
}

export function explain(error: unknown): Explanation {
  if (isMissingPart(error)) {
    return {
      title: 'This page could not be fetched',
      advice: 'The service is away, or the explorer was updated meanwhile. Load the page anew when it runs.',
      remedy: 'reload',
    }
  }
  if (error instanceof SessionEnded) return { ...tokenProblem, title: 'Your sign-in has ended' }
  if (error instanceof Refused) {
    const known = explanations[error.code] ?? { title: 'This was refused', advice: '' }
    return { ...known, said: error.message, code: error.code }
  }
  if (error instanceof Unreachable) {
    return {
      title: 'The service cannot be reached',
      advice: 'Check the network, and whether the service is running. What you see may be out of date.',
      remedy: 'retry',
    }
  }
  if (error instanceof UnexpectedAnswer) {
    const advice = 'Under the id that it names, if any, it has logged what happened.'
    return { title: 'The service failed', advice, said: error.message, remedy: 'retry' }
  }
  return {
    title: 'This did not work',
    advice: '',
    said: error instanceof Error ? error.message : String(error),
  }
}

/** A file of the build that this page is of could not be had; each browser has its own words for it. */
function isMissingPart(error: unknown): boolean {
  return (
    error instanceof Error &&
    /dynamically imported module|importing a module|unable to preload css/i.test(error.message)
  )
}
