import { keysApi } from '@ledgerstone/client/keys'
import { useQuery } from '@tanstack/react-query'
import { useSession } from '../session/session.tsx'
import { useHttp } from './ledger-access.tsx'

export type Sender = { readonly kid: string; readonly owner: string }

/**
 * Whose the keys are that sign records, as the ledger says; empty for people who may not read the key
 * registry.
 */
export function useSenders(): readonly Sender[] {
  const http = useHttp()
  const { scopes } = useSession()
  const { data } = useQuery({
    queryKey: ['senders'],
    enabled: scopes.has('read:keys'),
    staleTime: 60_000,
    queryFn: async () => {
      const senders: Sender[] = []
      const api = keysApi(http)
      let after: string | undefined
      do {
        const page = await api.list({ purpose: 'sign', ...(after !== undefined && { after }) })
        senders.push(...page.keys.map(({ kid, owner }) => ({ kid, owner })))
        after = page.next
      } while (after !== undefined)
      return senders
    },
  })
  return data ?? none
}

const none: readonly Sender[] = []
