import type { BlockFilter, BlockView } from '@ledgerstone/client/api'
import { type CommonOptions, connect } from '../connect.ts'
import { counted, outputOf } from '../output.ts'
import { parseMeta } from './push.ts'

export type ListOptions = CommonOptions & {
  readonly from?: number
  readonly limit: number
  readonly type?: string
  readonly sender?: string
  readonly receiver?: string
  readonly after?: string
  readonly before?: string
  readonly meta?: readonly string[]
}

/** Newest first, unless `from` says where to begin. Shown as the ledger tells it, unproven. */
export async function list(bucket: string, options: ListOptions): Promise<void> {
  const { api } = connect(options)
  const page = await api.blocks(bucket, filterOf(options))
  const filtered = page.complete < page.size ? `; looked at blocks below ${page.complete}` : ''
  const more = page.next === undefined ? '' : `; more from ${page.next}`
  const lines = page.blocks.map(line)
  const end = `${page.blocks.length} of ${counted(page.size, 'block')}${filtered}${more}`
  outputOf(options).result(page, [...lines, end].join('\n'))
}

function filterOf(options: ListOptions): BlockFilter {
  const { from, limit, type, sender, receiver, after, before, meta } = options
  return {
    limit,
    ...(from === undefined ? { order: 'descending' } : { from }),
    ...(type !== undefined && { type }),
    ...(sender !== undefined && { sender }),
    ...(receiver !== undefined && { receiver }),
    ...(after !== undefined && { timeFrom: after }),
    ...(before !== undefined && { timeTo: before }),
    ...(meta !== undefined && { meta: parseMeta(meta) }),
  }
}

function line({ index, time, hash, payload }: BlockView): string {
  return `${String(index).padStart(7)}  ${time}  ${hash.slice(0, 16)}  ${String(payload['type'])}`
}
