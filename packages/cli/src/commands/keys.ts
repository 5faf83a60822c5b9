import { readFileSync } from 'node:fs'
import { authFilesIn, readAuthConfig } from '@ledgerstone/auth/config'
import { readKeys, rotateKeys } from '@ledgerstone/auth/keys'
import { createKeyFile, readPrivateKey } from '@ledgerstone/border/key-file'
import { createKey, type KeyKind, ownKeyOf } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem, formatPublicKeyPem, parsePublicKeyPem } from '@ledgerstone/core/pem'
import { checkSpki, keyIdOf } from '@ledgerstone/core/spki'
import { dataFolder } from '../data-folder.ts'
import { outputOf } from '../output.ts'

export async function newKey(
  file: string,
  options: { readonly kind: KeyKind; readonly json?: boolean },
): Promise<void> {
  const key = await createKey(options.kind)
  createKeyFile(file, formatPrivateKeyPem(key.pkcs8))
  show(key.spki, options, file)
}

/** A private key's file must be private; a public one may be anyone's to read. */
export async function showKey(file: string, options: { readonly json?: boolean }): Promise<void> {
  const isPublic = readFileSync(file, 'utf8').includes('PUBLIC KEY-----')
  show(
    isPublic ? parsePublicKeyPem(readFileSync(file, 'utf8')) : (await ownKeyOf(readPrivateKey(file))).spki,
    options,
  )
}

export type RotateOptions = { readonly data: string; readonly config?: string; readonly json?: boolean }

/** A running OAuth service takes it up within seconds; tokens that the old key has signed stay good. */
export function rotateOauth({ data, config, json }: RotateOptions): void {
  const files = config === undefined ? authFilesIn(dataFolder(data).auth) : readAuthConfig(config).files
  const now = Date.now()
  rotateKeys(files.keys, now)
  const published = readKeys(files.keys, now).keys.map(({ kid }) => kid)
  outputOf({ ...(json !== undefined && { json }) }).result(
    { file: files.keys, kid: published[0], published },
    `${published[0]} signs access tokens from now on; ${published.length - 1} older keys are published still`,
  )
}

function show(spki: Uint8Array, options: { readonly json?: boolean }, file?: string): void {
  const kid = keyIdOf(spki)
  const kind = checkSpki(spki)
  const publicKey = formatPublicKeyPem(spki)
  const written = file === undefined ? '' : `private key written to ${file}\n`
  outputOf(options).result(
    { kid, kind, publicKey },
    `${written}kid   ${kid}\nkind  ${kind}\n${publicKey.trimEnd()}`,
  )
}
