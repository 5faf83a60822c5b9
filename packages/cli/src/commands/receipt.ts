import { readVerified } from '@ledgerstone/client/open'
import { type CommonOptions, connect } from '../connect.ts'
import { outputOf } from '../output.ts'
import { writeTo } from '../write-to.ts'

export async function receipt(
  bucket: string,
  block: string,
  options: CommonOptions & { readonly out?: string },
): Promise<void> {
  const verified = await readVerified(connect(options), bucket, block)
  const { index } = verified.block
  if (options.out === undefined)
    return outputOf(options).result({ bucket, index, receipt: verified.receipt }, verified.receipt.trimEnd())
  writeTo(options.out, verified.receipt)
  outputOf(options).note(`receipt of ${bucket} ${index} written to ${options.out}`)
}
