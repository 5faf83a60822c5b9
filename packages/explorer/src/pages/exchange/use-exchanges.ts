import { type ExchangesApi, exchangesApi } from '@ledgerstone/client/exchanges'
import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useHttp } from '../../api/ledger-access.tsx'
import { type ExchangeReading, isOver, parseExchange } from './exchange-reading.ts'

const [busyMs, idleMs] = [500, 2000]

export function useExchangesApi(): ExchangesApi {
  const http = useHttp()
  return useMemo(() => exchangesApi(http), [http])
}

/** The newest first. Asked for twice a second while one of them moves. */
export function useExchanges(): UseQueryResult<readonly ExchangeReading[]> {
  const api = useExchangesApi()
  return useQuery({
    queryKey: exchangesKey,
    queryFn: async () => (await api.list()).map(parseExchange),
    refetchInterval: ({ state: { data, error } }) =>
      error !== null ? 5 * idleMs : data?.some(({ state }) => !isOver(state)) === true ? busyMs : idleMs,
  })
}

export function useExchange(id: string): UseQueryResult<ExchangeReading> {
  const api = useExchangesApi()
  return useQuery({
    queryKey: [...exchangesKey, id],
    queryFn: async () => parseExchange(await api.get(id)),
    refetchInterval: ({ state: { data, error } }) =>
      error !== null ? 5 * idleMs : data !== undefined && isOver(data.state) ? false : busyMs,
  })
}

export const exchangesKey: readonly string[] = ['exchanges']
