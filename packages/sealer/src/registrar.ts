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
import { keyIdOf } from '@ledgerstone/core/spki'
import type { Statement } from '@ledgerstone/core/statement'
import { registrationId } from '@ledgerstone/core/uuid'
import type { Registered } from '@ledgerstone/exchange/exchange-state'
import { isFinal, Unsettled } from '@ledgerstone/exchange/registering'

export type Registrar = {
  readonly ledger: string
  /** With the role `registrar`; read whenever it signs. */
  readonly key: () => Promise<OwnKey>
  /** With a token that has `manage:keys`. */
  readonly api: LedgerApi
  readonly follower: Pick<RegistryFollower, 'refresh' | 'view'>
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
 * the same ones it answers the same blocks. Throws what the ledger refuses, `Unsettled` when it did not say
 * whether it has them, and what the network says when the ledger was away before it had been asked.
 */
export async function registerKeys(
  registrar: Registrar,
  registrations: readonly JsonObject[],
  exchange: string,
): Promise<Registered> {
  const { registry } = await registrar.follower.refresh()
  const blocks: Block[] = []
  try {
    for (const body of registrations) {
      const statement = await registrationStatement(registrar, body, exchange)
      blocks.push({ kid: kidOf(body), ...(await post(registrar, statement)) })
    }
  } catch (error) {
    if (!isFinal(error)) throw unsettled(error)
    await takeBack(registrar, blocks, exchange)
    throw error
  }
  return { blocks, approvalsMissing: registry.threshold - 1 }
}

async function post({ api }: Registrar, statement: Statement): Promise<Omit<Block, 'kid'>> {
  const { index, hash } = await api.postBlock(keysBucket, { statement })
  return { index, hash }
}

function unsettled(cause: unknown): Unsettled {
  return new Unsettled(cause instanceof Error ? cause.message : String(cause), { cause })
}

/** With a threshold above one nothing counts yet, and there is nothing to revoke. */
async function takeBack(registrar: Registrar, blocks: readonly Block[], exchange: string): Promise<void> {
  if (registrar.follower.view.registry.threshold > 1) return
  for (const { kid } of blocks) {
    const body = revocationBody({ kid, reason: `exchange ${exchange} failed` })
    const id = registrationId(exchange, `revocation of ${kid}`)
    const statement = await statementOf(registrar, { type: 'ledgerstone.key.revoke', body, id })
    await post(registrar, statement).catch((cause: unknown) => {
      throw unsettled(cause)
    })
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
