import { useMemo } from 'react'
import { useHttp } from '../api/ledger-access.tsx'
import { useConfiguration } from '../configuration-context.tsx'
import { type DeskApi, deskApi } from './desk-api.ts'

/** The desk that serves this page; undefined in the copy that a ledger serves. */
export function useDesk(): DeskApi | undefined {
  const { servedBy } = useConfiguration()
  const http = useHttp()
  return useMemo(
    () => (servedBy === 'desk' ? deskApi({ ...http, timeoutMs: 60_000 }) : undefined),
    [servedBy, http],
  )
}
