// Two sides of a ceremony with real keys, and a wire between them that a test may cut into.
import { type Bytes, utf8 } from '@ledgerstone/core/bytes'
import { createKey } from '@ledgerstone/core/key-pair'
import { sha256 } from '@ledgerstone/core/primitives/node'
import { beginCeremony, type Ceremony, type CeremonyEvent, type Setting, step } from '../src/ceremony.ts'
import { provingKey } from '../src/own-key.ts'
import type { Binding, Role } from '../src/transcript.ts'

export const origin = 'test.example/log/keys'
export const exchange = '019ab123-4567-7000-8000-000000000001'
export const binding: Binding = { exchange, exporter: sha256(utf8('exporter')) }

const raw = {
  clientSign: await createKey('Ed25519'),
  clientReceive: await createKey('RSA-2048'),
  serverStatement: await createKey('Ed25519'),
  serverRsa: await createKey('RSA-2048'),
  serverReceive: await createKey('RSA-2048'),
  strangerSign: await createKey('Ed25519'),
  strangerReceive: await createKey('RSA-2048'),
}

const asked = { owner: 'auditor', assurance: 'two-person' } as const
const own = { owner: 'sealer', assurance: 'local' } as const
export const keys = {
  ...raw,
  client: [
    await provingKey(raw.clientSign, { ...asked, purpose: 'sign' }),
    await provingKey(raw.clientReceive, { ...asked, purpose: 'receive' }),
  ],
  server: [
    await provingKey(raw.serverStatement, { ...own, purpose: 'sign' }),
    await provingKey(raw.serverRsa, { ...own, purpose: 'sign' }),
    await provingKey(raw.serverReceive, { ...own, purpose: 'receive' }),
  ],
  stranger: [
    await provingKey(raw.strangerSign, { ...asked, purpose: 'sign' }),
    await provingKey(raw.strangerReceive, { ...asked, purpose: 'receive' }),
  ],
}

/** Not random: a test that fails can be run again. */
export function bytes32(seed: string): Bytes {
  return sha256(utf8(seed))
}

export function setting(role: Role, more: Partial<Setting> = {}): Setting {
  return {
    ...{ role, binding, origin, keys: keys[role], nonce: bytes32(`${role} nonce`) },
    secrets: Array.from({ length: 8 }, (_, i) => bytes32(`${role} secret ${i}`)),
    ...(role === 'server' && { expected: asked }),
    ...more,
  }
}

export type Pair = { client: Ceremony; server: Ceremony }

export function pair(client: Partial<Setting> = {}, server: Partial<Setting> = {}): Pair {
  return {
    client: beginCeremony(setting('client', client)),
    server: beginCeremony(setting('server', server)),
  }
}

/** What a side in the middle makes of a message: other bytes, the same, or nothing. */
export type Wire = (from: Role, bytes: Bytes, number: number) => Bytes | undefined

/**
 * Plays a whole ceremony: the messages go back and forth until nobody answers any more. Each side takes the
 * other's keys up as soon as they are proven.
 */
export async function play(sides: Pair, wire: Wire = (_, bytes) => bytes): Promise<void> {
  const inbox: { to: Role; event: CeremonyEvent }[] = [{ to: 'client', event: { type: 'connected' } }]
  let number = 0
  for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
    const { to, event } = next
    const { ceremony, send } = await step(sides[to], event)
    const before = sides[to].state
    sides[to] = ceremony
    if (send !== undefined) {
      const passed = wire(to, send, ++number)
      const other = to === 'client' ? 'server' : 'client'
      if (passed !== undefined) inbox.push({ to: other, event: { type: 'message', bytes: passed } })
    }
    if (ceremony.state === 'proven' && before !== 'proven') inbox.push({ to, event: { type: 'kept' } })
  }
}
