import { ledgerAudience, sealerAudience } from '@ledgerstone/auth/config'
import { Refused } from '@ledgerstone/core/refused'
import { tokenSource } from '../connect.ts'
import { dataFolder } from '../data-folder.ts'
import { outputOf } from '../output.ts'

export type TokenOptions = {
  readonly data: string
  readonly scope: string
  readonly audience?: string
  readonly json?: boolean
}

export async function token(options: TokenOptions): Promise<void> {
  const { data, scope } = options
  const audience = audienceOf(options.audience)
  const text = await tokenSource({ data }, dataFolder(data), scope, audience)()
  outputOf(options).result({ access_token: text, token_type: 'Bearer', scope }, text)
}

function audienceOf(service: string | undefined): string | undefined {
  if (service === undefined) return undefined
  if (service === 'ledger') return ledgerAudience
  if (service === 'sealer') return sealerAudience
  throw new Refused('bad-query', 'the audience is ledger or sealer')
}
