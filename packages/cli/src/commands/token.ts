import { commandLineClient, ledgerAudience, sealerAudience } from '@ledgerstone/auth/config'
import { Refused } from '@ledgerstone/core/refused'
import { issuerOf, tokenSource } from '../connect.ts'
import { dataFolder } from '../data-folder.ts'
import { openAddress } from '../desk/window.ts'
import { outputOf } from '../output.ts'
import { signIn } from '../sign-in.ts'

export type TokenOptions = {
  readonly data: string
  readonly scope: string
  readonly audience?: string
  readonly signIn?: boolean
  readonly issuer?: string
  readonly clientId?: string
  readonly open: boolean
  readonly json?: boolean
}

const signInMs = 300_000

/** Of this data folder's client, or of a person. */
export async function token(options: TokenOptions): Promise<void> {
  if (options.signIn === true) return personalToken(options)
  const { data, scope } = options
  const audience = audienceOf(options.audience)
  const text = await tokenSource({ data }, dataFolder(data), scope, audience)()
  outputOf(options).result({ access_token: text, token_type: 'Bearer', scope }, text)
}

/** The address is shown, and the browser opened where there is one. The token is all that is printed. */
async function personalToken(options: TokenOptions): Promise<void> {
  const { clientId = commandLineClient, scope } = options
  const issuer = options.issuer ?? issuerOf(dataFolder(options.data))
  const resource = audienceOf(options.audience)
  const output = outputOf(options)
  const show = (url: string): void => {
    output.note(`sign in within five minutes, on this computer, at\n  ${url}`)
    if (options.open) void openAddress(url)
  }
  const asked = { issuer, clientId, scope, show, timeoutMs: signInMs }
  const signedIn = await signIn({ ...asked, ...(resource !== undefined && { resource }) })
  const { token: text, scope: granted, expiresInSeconds } = signedIn
  if (granted !== scope) output.note(`granted: ${granted === '' ? 'nothing of what was asked for' : granted}`)
  output.result(
    { access_token: text, token_type: 'Bearer', scope: granted, expires_in: expiresInSeconds },
    text,
  )
}

function audienceOf(service: string | undefined): string | undefined {
  if (service === undefined) return undefined
  if (service === 'ledger') return ledgerAudience
  if (service === 'sealer') return sealerAudience
  throw new Refused('bad-query', 'the audience is ledger or sealer')
}
