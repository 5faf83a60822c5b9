// The sealer's keys: files that nobody else may read, or the service does not start.
import { readKeyFile } from '@ledgerstone/border/key-file'
import { configuredKeyOpener, type OpenKey } from '@ledgerstone/border/private-key'
import { type Bytes, formatBase64url, parseBase64url } from '@ledgerstone/core/bytes'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { checkValidity } from '@ledgerstone/core/registry'
import type { Sender } from '@ledgerstone/core/seal'
import { senderOf } from '@ledgerstone/core/sender'

export type KeyFiles = {
  /** PEM, Ed25519: signs statements. */
  readonly statement: string
  /** PEM, RSA: makes the key signatures. */
  readonly key: string
  /**
   * 32 bytes as `formatRetryKey` writes them; the same in all replicas, kept through rotations of the others.
   */
  readonly retry: string
}

const retryKeyBytes = 32

/**
 * What the files hold, and the two keys of it that sign. Throws `bad-key-file`, `wrong-key`,
 * `wrong-passphrase`.
 */
export async function readKeys(
  files: KeyFiles,
  open: OpenKey,
): Promise<{ readonly sender: Sender; readonly signing: readonly OwnKey[] }> {
  const statement = await ownKeyOf(await open(files.statement))
  const key = await ownKeyOf(await open(files.key))
  const retry = parseRetryKey(readKeyFile(files.retry), files.retry)
  return { sender: await senderOf(statement, key, retry), signing: [statement, key] }
}

/** Of keys without passphrase. Throws `bad-key-file`, `wrong-key`. */
export async function readSender(files: KeyFiles): Promise<Sender> {
  return (await readKeys(files, configuredKeyOpener(undefined))).sender
}

/** A retry key as the text of its file: base64url, one line. */
export function formatRetryKey(key: Bytes): string {
  if (key.length !== retryKeyBytes) throw new RangeError(`a retry key of ${key.length} bytes`)
  return `${formatBase64url(key)}\n`
}

/**
 * Throws unless the registry, whole, has both keys in force and under one owner: what the sealer signs would
 * be refused otherwise. `unknown-key`, `key-revoked`, `key-expired`, `wrong-key`.
 */
export function checkSender(sender: Sender, registry: Registry, now: number): void {
  const statement = registry.keyAt(sender.statement.kid, registry.size)
  const key = registry.keyAt(sender.key.kid, registry.size)
  for (const registered of [statement, key]) checkValidity(registered, now)
  if (statement.owner !== key.owner || statement.purpose !== 'sign' || key.purpose !== 'sign') {
    throw new Refused('wrong-key', "the sealer's two keys are not signing keys of one owner")
  }
}

function parseRetryKey(text: string, path: string): Bytes {
  try {
    return parseBase64url(text.trimEnd(), 'the retry key', retryKeyBytes)
  } catch {
    // The refusal's own message could lead to the key's text.
    throw new Refused('bad-key-file', `${path} does not hold ${retryKeyBytes} bytes in base64url`)
  }
}
