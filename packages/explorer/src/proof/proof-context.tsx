// The page's one worker, and what the frame and the pages read from it.
import type { TokenSource } from '@ledgerstone/client/http'
import { Refused } from '@ledgerstone/core/refused'
import { type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react'
import { type ProofNews, proofChannel } from './channel.ts'
import type { Alarm } from './database.ts'
import type { HeadView, Setting } from './messages.ts'
import type { TrustView } from './pinned-trust.ts'
import { Proof } from './proof.ts'

let proofOfPage: Proof | undefined

const ProofContext = createContext<Proof | undefined>(undefined)

/** `token` is absent while nobody is signed in: files can be verified all the same. */
export function ProofProvider(props: {
  readonly setting: Setting
  readonly token: TokenSource | undefined
  readonly children: ReactNode
}): ReactNode {
  const { setting, token, children } = props
  const { url, ledger, trust } = setting
  const queries = useQueryClient()
  const proof = useMemo(startOnce, [])
  useEffect(() => {
    proof.token = token ?? noToken
  }, [proof, token])
  useEffect(() => {
    void proof.configure({ url, ledger, ...(trust !== undefined && { trust }) })
  }, [proof, url, ledger, trust])
  useEffect(() => {
    const channel = proofChannel()
    channel.addEventListener('message', ({ data }: MessageEvent<ProofNews>) => {
      void queries.invalidateQueries({ queryKey: data === 'alarms' ? alarmsKey : ['proof'] })
    })
    return () => channel.close()
  }, [queries])
  return <ProofContext value={proof}>{children}</ProofContext>
}

export function useProof(): Proof {
  const proof = useContext(ProofContext)
  if (proof === undefined) throw new Error('useProof outside of ProofProvider')
  return proof
}

/** Alarms that no person has dismissed yet: to be shown on every page, loudly. */
export function useAlarms(): {
  readonly alarms: readonly Alarm[]
  /** Ends it, and forgets the head that it stood on. */
  dismiss(alarm: Alarm): Promise<void>
} {
  const proof = useProof()
  const queries = useQueryClient()
  const { data = [] } = useQuery({ queryKey: alarmsKey, queryFn: () => proof.ask('alarms', undefined) })
  return {
    alarms: data,
    async dismiss({ key }) {
      await proof.ask('dismiss', { key })
      await queries.invalidateQueries({ queryKey: ['proof'] })
    },
  }
}

/**
 * Holds every bucket's newest final head against what this browser remembers, now and every minute; sooner
 * again while the service cannot be asked.
 * `enabled`: a person is signed in.
 */
export function useHeads(enabled: boolean): UseQueryResult<readonly HeadView[]> {
  const proof = useProof()
  return useQuery({
    queryKey: ['proof', 'heads'],
    queryFn: () => proof.ask('heads', undefined),
    refetchInterval: ({ state }) => (state.error === null ? 60_000 : 5000),
    enabled,
  })
}

/** The pinned trust file; null: there is none. */
export function useTrust(): UseQueryResult<TrustView | null> {
  const proof = useProof()
  return useQuery({
    queryKey: trustKey,
    // Of files and of the worker: the network has no part in it.
    networkMode: 'always',
    queryFn: async () => (await proof.ask('trust', undefined)) ?? null,
  })
}

const alarmsKey = ['proof', 'alarms']
const trustKey = ['proof', 'trust']

function startOnce(): Proof {
  proofOfPage ??= new Proof(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }), noToken)
  return proofOfPage
}

function noToken(): Promise<never> {
  return Promise.reject(new Refused('no-token', 'nobody is signed in'))
}
