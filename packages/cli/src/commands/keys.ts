import { existsSync, readFileSync } from 'node:fs'
import { authFilesIn, readAuthConfig } from '@ledgerstone/auth/config'
import { readKeys, rotateKeys } from '@ledgerstone/auth/keys'
import { createKeyFile, replaceKeyFile } from '@ledgerstone/border/key-file'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey, type KeyKind } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem, formatPublicKeyPem, parsePublicKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { checkSpki, keyIdOf } from '@ledgerstone/core/spki'
import { dataFolder } from '../data-folder.ts'
import { outputOf } from '../output.ts'
import { choosePassphrase, openOwnKey, type PassphraseOptions } from '../private-key.ts'

type KeyOptions = PassphraseOptions & { readonly json?: boolean }

export async function newKey(
  file: string,
  options: KeyOptions & { readonly kind: KeyKind; readonly encrypt?: boolean },
): Promise<void> {
  if (existsSync(file)) throw new Refused('bad-key-file', `${file} exists already`)
  const passphrase = options.encrypt === true ? await choosePassphrase(file, options) : undefined
  const key = await createKey(options.kind)
  const pem =
    passphrase === undefined
      ? formatPrivateKeyPem(key.pkcs8)
      : await encryptedPrivateKeyPem(key.pkcs8, passphrase)
  createKeyFile(file, pem)
  show(key.spki, options, `private key written to ${file}${passphrase === undefined ? '' : ', encrypted'}\n`)
}

/** A private key's file must be private; a public one may be anyone's to read. */
export async function showKey(file: string, options: KeyOptions): Promise<void> {
  const isPublic = readFileSync(file, 'utf8').includes('PUBLIC KEY-----')
  show(
    isPublic ? parsePublicKeyPem(readFileSync(file, 'utf8')) : (await openOwnKey(file, options)).spki,
    options,
  )
}

/** The file is replaced whole: a crash leaves the old one or the new one. */
export async function encryptKey(file: string, options: KeyOptions): Promise<void> {
  const { pkcs8, spki } = await openOwnKey(file, options)
  const passphrase = await choosePassphrase(file, options)
  replaceKeyFile(file, await encryptedPrivateKeyPem(pkcs8, passphrase))
  show(spki, options, `${file} is encrypted now; a service that uses it needs its passphraseFile\n`)
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

function show(spki: Uint8Array, options: { readonly json?: boolean }, done = ''): void {
  const kid = keyIdOf(spki)
  const kind = checkSpki(spki)
  const publicKey = formatPublicKeyPem(spki)
  outputOf(options).result(
    { kid, kind, publicKey },
    `${done}kid   ${kid}\nkind  ${kind}\n${publicKey.trimEnd()}`,
  )
}
