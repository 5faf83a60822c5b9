// The filter of a chain lives in the page's address, so that it can be sent to somebody else.
import type { BlockFilter } from '@ledgerstone/client/api'

export type Filters = {
  readonly type: string
  /** kid. */
  readonly sender: string
  /** Days, `2026-11-23`, in UTC as the ledger counts them; both included. */
  readonly from: string
  readonly to: string
}

const names = ['type', 'sender', 'from', 'to'] as const

export function readFilters(search: string): Filters {
  const query = new URLSearchParams(search)
  const read = (name: keyof Filters): string => query.get(name)?.trim() ?? ''
  return { type: read('type'), sender: read('sender'), from: read('from'), to: read('to') }
}

/** `?type=...`, or nothing. `at` is the block to begin with when nothing is filtered. */
export function formatSearch(filters: Filters, at?: number): string {
  const given = names.filter((name) => filters[name] !== '').map((name) => [name, filters[name]])
  const query = new URLSearchParams([...given, ...(at === undefined ? [] : [['at', String(at)]])] as [
    string,
    string,
  ][])
  return query.size === 0 ? '' : `?${query}`
}

export function readAt(search: string): number | undefined {
  const text = new URLSearchParams(search).get('at') ?? ''
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined
}

/** Undefined when nothing is filtered. */
export function filterOf({ type, sender, from, to }: Filters): BlockFilter | undefined {
  const filter: BlockFilter = {
    ...(type !== '' && { type }),
    ...(sender !== '' && { sender }),
    ...(from !== '' && { timeFrom: from }),
    ...(to !== '' && { timeTo: to }),
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}
