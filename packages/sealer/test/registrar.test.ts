// Keys that an exchange has proven, on their way into the registry.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ledgerApi } from '@ledgerstone/client/api'
import { Unreachable } from '@ledgerstone/client/problem'
import { formatBase64url } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { createKey, type OwnKey } from '@ledgerstone/core/key-pair'
import { provenRegistration, proveRegistration, provingKey } from '@ledgerstone/exchange/own-key'
import { Unsettled } from '@ledgerstone/exchange/registering'
import { keys } from '../../log/test/sample.ts'
import { type Registrar, registerKeys } from '../src/registrar.ts'
import { type Exchanging, exchanging, origin } from './exchanging.ts'

const newSigner = await createKey('Ed25519')

describe('registrations', () => {
  const exchange = '019ab123-4567-7000-8000-000000000001'

  async function bodyOf(key: OwnKey): Promise<JsonObject> {
    const proving = await provingKey(key, { owner: 'auditor', assurance: 'token', purpose: 'sign' })
    return provenRegistration(proving, await proveRegistration(proving, origin), { origin, exchange })
  }

  test('that are asked for again are the same blocks', async () => {
    await using each = await exchanging()
    const body = await bodyOf(newSigner)
    const first = await registerKeys(registrarOf(each), [body], exchange)
    each.ledger.clock.ms += 1000
    assert.deepEqual(await registerKeys(registrarOf(each), [body], exchange), first)
  })

  test('of which one is not answered may stand, and are whole when they are asked for again', async () => {
    await using each = await exchanging()
    const bodies = [await bodyOf(newSigner), await bodyOf(await createKey('Ed25519'))]
    const { api, ...registrar } = registrarOf(each)
    let posts = 0
    const silent: typeof api = {
      ...api,
      async postBlock(...asked) {
        if (++posts === 2) throw new Unreachable('no answer in time')
        return api.postBlock(...asked)
      },
    }
    await assert.rejects(registerKeys({ ...registrar, api: silent }, bodies, exchange), Unsettled)
    const { blocks } = await registerKeys({ ...registrar, api }, bodies, exchange)
    const registry = await each.registry()
    assert.deepEqual(
      blocks.map(({ kid }) => registry.key(kid).revoked),
      [undefined, undefined],
    )
  })

  test('are not begun with a ledger that is away', async () => {
    await using each = await exchanging()
    const registrar = registrarOf(each)
    const refresh = async (): Promise<never> => {
      throw new Unreachable('nothing answers')
    }
    const follower = { view: registrar.follower.view, refresh }
    const asked = registerKeys({ ...registrar, follower }, [await bodyOf(newSigner)], exchange)
    await assert.rejects(asked, Unreachable)
  })

  test('of which one is refused leave none in force', async () => {
    await using each = await exchanging()
    const good = await bodyOf(newSigner)
    const { proof: _, ...rest } = good
    const other = await createKey('Ed25519')
    const bad = {
      ...{ ...rest, key: formatBase64url(other.spki) },
      proof: { signature: formatBase64url(new Uint8Array(64)) },
    }
    await assert.rejects(registerKeys(registrarOf(each), [good, bad], exchange), { code: 'bad-signature' })
    const registry = await each.registry()
    assert.match(registry.key(newSigner.kid).revoked?.reason ?? '', /failed/)
    assert.equal(registry.isRegistered(other.kid), false)
  })
})

function registrarOf({ sealer, ledger, ledgerUrl }: Exchanging): Registrar {
  const token = async (): Promise<string> =>
    (await ledger.bearer('manage:keys')).authorization.slice('Bearer '.length)
  const api = ledgerApi({ url: ledgerUrl, fetch: (url, init) => fetch(url, init), token })
  return {
    ledger: sealer.ledger,
    key: async () => keys.registrar,
    api,
    follower: sealer.follower,
    now: sealer.now,
  }
}
