import { Refused } from '@ledgerstone/core/refused'

export async function audit(options: { readonly data: string }): Promise<void> {
  throw new Refused('bad-config', `audit of ${options.data}`)
}
