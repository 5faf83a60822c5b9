import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLineClient, ledgerAudience, sealerAudience } from '@ledgerstone/auth/config'
import { Refused } from '@ledgerstone/core/refused'
import { issuerOf, tokenSource } from '../connect.ts'
import { type DataFolder, dataFolder } from '../data-folder.ts'
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
  const folder = dataFolder(options.data)
  const issuer = options.issuer ?? issuerOf(folder)
  const resource = audienceOf(options.audience)
  const output = outputOf(options)
  using browser = browserOf(folder)
  const show = (url: string): void => {
    output.note(`sign in within five minutes, on this computer, at\n  ${url}`)
    // It has been shown: where no browser can be started, the person opens one.
    if (options.open) openAddress(url, browser.folder).catch(() => undefined)
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

/**
 * A folder for what the browser is opened by: in the data folder, where there is one, for some browsers have
 * temporary files of their own and see no others.
 */
function browserOf({ root }: DataFolder): Disposable & { readonly folder: string } {
  const folder = existsSync(root) ? join(root, 'sign-in') : mkdtempSync(join(tmpdir(), 'sign-in-'))
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

function audienceOf(service: string | undefined): string | undefined {
  if (service === undefined) return undefined
  if (service === 'ledger') return ledgerAudience
  if (service === 'sealer') return sealerAudience
  throw new Refused('bad-query', 'the audience is ledger or sealer')
}
