// Keys that an exchange has proven become blocks of `keys`, signed by the registrar.
import type { LedgerApi } from '@ledgerstone/client/api'
import type { RegistryFollower } from '@ledgerstone/client/registry'
import {
  type Asked,
  changeStatement,
  judgeChange,
  revocationBody,
} from '@ledgerstone/client/registry-changes'
import { parseBase64url } from '@ledgerstone/core/bytes'
import { type JsonObject, textMember } from '@ledgerstone/core/canonical'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { keyIdOf } from '@ledgerstone/core/spki'
import type { Statement } from '@ledgerstone/core/statement'
import { registrationId } from '@ledgerstone/core/uuid'
import type { Registered } from '@ledgerstone/exchange/exchange-state'

export type Registrar = {
  readonly ledger: string
  /** With the role `registrar`; read whenever it signs. */
  readonly key: () => Promise<OwnKey>
  /** With a token that has `manage:keys`. */
  readonly api: LedgerApi
  readonly follower: RegistryFollower
  /** Milliseconds since 1970. */
  readonly now: () => number
}

type Block = Registered['blocks'][number]

/**
 * Whether the registry, as it is now, would take each of these registrations: judged by the same code as the
 * block itself. Throws why not.
 */
export async function admitKeys(
  registrar: Registrar,
  registrations: readonly JsonObject[],
  exchange: string,
): Promise<void> {
  const { registry } = await registrar.follower.refresh()
  for (const body of registrations) {
    const statement = await registrationStatement(registrar, body, exchange)
    await judgeChange(registry, statement, registrar.now())
  }
}

/**
 * Appends the registrations, all or none: when one is refused, those before it are revoked. Asked again with
 * the same ones it answers the same blocks. Throws what the ledger refuses, `Unreachable` and
 * `outcome-unknown` when it is worth another try.
 */
export async function registerKeys(
  registrar: Registrar,
  registrations: readonly JsonObject[],
  exchange: string,
): Promise<Registered> {
  const blocks: Block[] = []
  for (const body of registrations) {
    const statement = await registrationStatement(registrar, body, exchange)
    try {
      const { index, hash } = await registrar.api.postBlock(keysBucket, { statement })
      blocks.push({ kid: kidOf(body), index, hash })
    } catch (error) {
      if (error instanceof Refused && !mayPass.has(error.code)) await takeBack(registrar, blocks, exchange)
      throw error
    }
  }
  const { threshold } = registrar.follower.view.registry
  return { blocks, approvalsMissing: threshold - 1 }
}

const mayPass: ReadonlySet<string> = new Set([
  'outcome-unknown',
  'pool-full',
  'rate-limited',
  'stopping',
  'head-moved',
])

/** With a threshold above one nothing counts yet, and there is nothing to revoke. */
async function takeBack(registrar: Registrar, blocks: readonly Block[], exchange: string): Promise<void> {
  if (registrar.follower.view.registry.threshold > 1) return
  for (const { kid } of blocks) {
    const body = revocationBody({ kid, reason: `exchange ${exchange} failed` })
    const id = registrationId(exchange, `revocation of ${kid}`)
    const statement = await statementOf(registrar, { type: 'ledgerstone.key.revoke', body, id })
    await registrar.api.postBlock(keysBucket, { statement })
  }
}

function registrationStatement(registrar: Registrar, body: JsonObject, exchange: string): Promise<Statement> {
  const type = body['replaces'] === undefined ? 'ledgerstone.key.register' : 'ledgerstone.key.rotate'
  return statementOf(registrar, { type, body, id: registrationId(exchange, kidOf(body)) })
}

async function statementOf({ ledger, key, now }: Registrar, asked: Asked): Promise<Statement> {
  return changeStatement(ledger, asked, await key(), now())
}

function kidOf({ key }: JsonObject): string {
  return keyIdOf(parseBase64url(textMember(key, 'key'), 'key'))
}
