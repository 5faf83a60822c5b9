// Who is signed in, for the pages.
import type { TokenSource } from '@ledgerstone/client/http'
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react'
import type { Configuration } from '../configuration.ts'
import type { Arrival, Authorization, Tokens } from './authorization.ts'
import { TokenKeeper } from './token-keeper.ts'

export type Session = {
  readonly person: { readonly id: string; readonly name: string }
  readonly scopes: ReadonlySet<string>
  readonly token: TokenSource
}

export type SignIn = {
  readonly session: Session | undefined
  /** The session is over at the OAuth service, and the page still shows what it had. */
  readonly isEnded: boolean
  /** Why the last sign-in did not work. */
  readonly problem: string | undefined
  /** Leaves the page, and comes back to where the person is now. Rejects when the service is away. */
  signIn(): Promise<void>
  signOut(): Promise<void>
}

const SignInContext = createContext<SignIn | undefined>(undefined)

/** A word, and no secret: this browser was signed in, so a fresh page asks without showing a page. */
const mark = 'ledgerstone.signed-in'

/** By which the tabs of this page tell each other that the person has signed out. */
const signedOut = new BroadcastChannel('ledgerstone-signed-out')

export type Entered = { readonly arrival: Arrival | undefined; readonly authorization: Authorization }

/**
 * Finishes a sign-in, or begins one without a page when this browser was signed in before; then this page is
 * being left, and the promise stays open.
 */
export async function enter(authorization: Authorization): Promise<Entered> {
  const arrival = await authorization.arrive(new URL(location.href))
  if (arrival !== undefined) {
    history.replaceState(null, '', arrival.path)
    if (arrival.tokens === undefined) localStorage.removeItem(mark)
    else localStorage.setItem(mark, 'yes')
    return { arrival, authorization }
  }
  if (localStorage.getItem(mark) === null) return { arrival: undefined, authorization }
  try {
    await authorization.depart(here(), { isSilent: true })
  } catch {
    return { arrival: undefined, authorization } // the sign-in service is away; the page says so when asked
  }
  return new Promise(() => undefined)
}

export function SignInProvider(props: {
  readonly entered: Entered
  readonly configuration: Configuration
  readonly children: ReactNode
}): ReactNode {
  const { arrival, authorization } = props.entered
  const [isEnded, setEnded] = useState(false)
  const tokens = arrival?.tokens
  const keeper = useMemo(
    () => (tokens === undefined ? undefined : keeperOf(tokens, authorization, () => setEnded(true))),
    [tokens, authorization],
  )
  useRenewal(keeper)
  useLeaving(keeper !== undefined)
  const value = useMemo((): SignIn => {
    const current = keeper?.tokens
    return {
      session: keeper && current && { person: current.person, scopes: current.scopes, token: keeper.source },
      isEnded,
      problem: arrival?.problem,
      signIn: () => authorization.depart(here()),
      async signOut() {
        localStorage.removeItem(mark)
        signedOut.postMessage('signed out')
        if (keeper !== undefined) await authorization.signOut(keeper.tokens)
      },
    }
  }, [keeper, isEnded, arrival, authorization])
  return <SignInContext value={value}>{props.children}</SignInContext>
}

export function useSignIn(): SignIn {
  const signIn = use(SignInContext)
  if (signIn === undefined) throw new Error('useSignIn outside of SignInProvider')
  return signIn
}

/** For pages that are shown only to people who are signed in. */
export function useSession(): Session {
  const { session } = useSignIn()
  if (session === undefined) throw new Error('nobody is signed in')
  return session
}

function keeperOf(tokens: Tokens, authorization: Authorization, onEnd: () => void): TokenKeeper {
  return new TokenKeeper({ tokens, renew: (old) => authorization.renew(old), onEnd, now: Date.now })
}

/** Before it expires, also while nothing is asked: an event stream ends with its token. */
function useRenewal(keeper: TokenKeeper | undefined): void {
  useEffect(() => {
    if (keeper === undefined) return
    const timer = setInterval(() => void keeper.source().catch(() => undefined), 15_000)
    return () => clearInterval(timer)
  }, [keeper])
}

/** Signing out in one tab takes what others show, records in clear too, and their tokens. */
function useLeaving(isSignedIn: boolean): void {
  useEffect(() => {
    if (!isSignedIn) return
    const leave = (): void => location.reload()
    signedOut.addEventListener('message', leave)
    return () => signedOut.removeEventListener('message', leave)
  }, [isSignedIn])
}

function here(): string {
  return `${location.pathname}${location.search}`
}
