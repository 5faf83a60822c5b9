import { type CommonOptions, connect } from '../connect.ts'
import { outputOf } from '../output.ts'
import { writeTo } from '../write-to.ts'

export type GetOptions = CommonOptions & { readonly entry?: boolean; readonly envelope?: boolean }

/** Shows what the ledger says of a block. It is not verified: `verify`, `open` and `evidence` do that. */
export async function get(bucket: string, block: string, options: GetOptions): Promise<void> {
  const { api } = connect(options)
  if (options.entry === true) return writeTo(undefined, await api.entry(bucket, block))
  if (options.envelope === true) return writeTo(undefined, await api.envelope(bucket, block))
  const view = await api.block(bucket, block)
  outputOf(options).result(view, JSON.stringify(view, null, 2))
}
