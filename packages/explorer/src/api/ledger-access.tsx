// The services behind the page, under the token of the person who is signed in. All of them are reached at
// the page's own origin.
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import type { HttpOptions } from '@ledgerstone/client/http'
import { createContext, type ReactNode, use, useMemo } from 'react'
import { useSignIn } from '../session/session.tsx'

type Services = { readonly ledger: LedgerApi; readonly http: HttpOptions }

const ServicesContext = createContext<Services | undefined>(undefined)

export function ServicesProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const { session } = useSignIn()
  const services = useMemo((): Services | undefined => {
    if (session === undefined) return undefined
    const http: HttpOptions = {
      url: location.origin,
      // The desk knows its page by a cookie; the page's own origin is all that is asked.
      fetch: (url, init) => fetch(url, { ...init, credentials: 'same-origin' }),
      token: session.token,
      timeoutMs: 20_000,
      triesMax: 2,
    }
    return { ledger: ledgerApi(http), http }
  }, [session])
  return <ServicesContext value={services}>{children}</ServicesContext>
}

/** For pages that are shown only to people who are signed in. */
export function useLedger(): LedgerApi {
  return useServices().ledger
}

/** As `useLedger`: with it, `keysApi` and `exchangesApi` of `client` are made. */
export function useHttp(): HttpOptions {
  return useServices().http
}

function useServices(): Services {
  const services = use(ServicesContext)
  if (services === undefined) throw new Error('nobody is signed in')
  return services
}
