// `keys rotate`: a new key, signed for by the old one, and its file where the old one was. It can be run
// again after any interruption, and when approvals have come.
import { existsSync, renameSync } from 'node:fs'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey, type KeyKind, type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { checkSpki } from '@ledgerstone/core/spki'
import { openKeyFile, openOwnKey } from '../private-key.ts'
import { type ChangeOptions, type Changing, changing, registrarOf, report } from './keys-change.ts'

export type RotateKeyOptions = ChangeOptions & {
  readonly kind?: KeyKind
  readonly notBefore?: number
  readonly notAfter?: number
}

/**
 * Without a second file the new key is made beside the old one, and takes its name when it is in force; the
 * old one is kept under its kid, because what was sealed for it needs it.
 */
export async function rotate(
  oldFile: string,
  newFile: string | undefined,
  options: RotateKeyOptions,
): Promise<void> {
  const change = changing(options)
  const { registry } = await change.connection.follower.refresh()
  const { pkcs8, passphrase } = await openKeyFile(oldFile, options)
  const old = await ownKeyOf(pkcs8)
  const draft = newFile ?? oldFile.replace(/(?:\.pem)?$/, '.next.pem')
  if (!existsSync(draft)) {
    registry.keyAt(old.kid, registry.size)
    await createDraft(draft, options.kind ?? kindOf(old), passphrase)
  }
  const key = await openOwnKey(draft, options)
  const swap = (): string | undefined =>
    newFile === undefined ? swapFiles(oldFile, draft, old.kid) : undefined
  if (isDone(registry, old, key)) return tellDone(change, key, swap())
  checkNotAsked(registry, old, key)
  const registrar = await registrarOf(change, options)
  const { notBefore, notAfter } = options
  const claims = {
    assurance: 'local' as const,
    ...(notBefore !== undefined && { notBefore }),
    ...(notAfter !== undefined && { notAfter }),
  }
  const posted = await change.changes.rotate(old, key, claims, registrar)
  const kept = posted.counts ? swap() : undefined
  const files = posted.counts
    ? describeFiles(kept, draft)
    : `the new key waits in ${draft}; when it is approved, run this again`
  await report(
    change,
    posted,
    { kid: key.kid, replaces: old.kid, ...(kept !== undefined && { kept }) },
    [`rotated ${old.kid}`, `to      ${key.kid}`, files].join('\n'),
  )
}

async function createDraft(path: string, kind: KeyKind, passphrase: string | undefined): Promise<void> {
  const { pkcs8 } = await createKey(kind)
  createKeyFile(
    path,
    passphrase === undefined ? formatPrivateKeyPem(pkcs8) : await encryptedPrivateKeyPem(pkcs8, passphrase),
  )
}

/** As the old one; an RSA key of an unusual length gets the next usual one. */
function kindOf({ spki }: OwnKey): KeyKind {
  const kind = checkSpki(spki)
  if (kind !== 'RSA') return kind
  return spki.length < 300 ? 'RSA-2048' : spki.length < 430 ? 'RSA-3072' : 'RSA-4096'
}

/** Approved since it was asked for, or interrupted before the files changed places. */
function isDone(registry: Registry, old: OwnKey, key: OwnKey): boolean {
  return registry.isRegistered(old.kid) && registry.key(old.kid).replaced?.by === key.kid
}

function checkNotAsked(registry: Registry, old: OwnKey, key: OwnKey): void {
  for (const [id, request] of registry.requests()) {
    const isSame = request.kind === 'register' && request.registration.kid === key.kid
    if (!isSame || request.replaces !== old.kid) continue
    throw new Refused(
      'not-approved',
      `this rotation is asked for and lacks approvals: ledgerstone keys approve ${id}`,
    )
  }
}

/** Where the old key is kept now. */
function swapFiles(file: string, draft: string, oldKid: string): string {
  const kept = file.replace(/(?:\.pem)?$/, `-${oldKid.slice(0, 8)}.pem`)
  renameSync(file, kept)
  renameSync(draft, file)
  return kept
}

function tellDone({ output }: Changing, { kid }: OwnKey, kept: string | undefined): void {
  output.result(
    { kid, counts: true, ...(kept !== undefined && { kept }) },
    `${kid} is in force\n${describeFiles(kept, undefined)}`,
  )
}

const whoNotices =
  'a running sealer takes it up within five seconds; any other program that uses it is to be started again'

function describeFiles(kept: string | undefined, draft: string | undefined): string {
  if (kept === undefined) return draft === undefined ? '' : `the new key is in ${draft}`
  return `the new key is where the old one was, which is kept as ${kept};\n${whoNotices}`
}
