// A sealer in front of a real ledger: real tokens, real key files, a real socket between the two.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp } from '@ledgerstone/border/app'
import { createBearer } from '@ledgerstone/border/bearer'
import { createLogger } from '@ledgerstone/border/logger'
import { configuredKeyOpener } from '@ledgerstone/border/private-key'
import { ledgerApi } from '@ledgerstone/client/api'
import type { Fetch } from '@ledgerstone/client/http'
import { plainMemory } from '@ledgerstone/client/memory'
import { openBlock, readEnvelope, readVerified } from '@ledgerstone/client/open'
import { textOf, utf8 } from '@ledgerstone/core/bytes'
import { type OpenedRecord, openerOf } from '@ledgerstone/core/open'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import type { JWTPayload } from 'jose'
import { issuerUrl, mint } from '../../border/test/tokens.ts'
import { until } from '../../core/test/until.ts'
import { startLedger, type Tested } from '../../ledger/test/ledger.ts'
import { keys } from '../../log/test/sample.ts'
import { formatRetryKey, type KeyFiles } from '../src/keys.ts'
import { createSealer, type SealerParts } from '../src/main.ts'
import { OwnKeys } from '../src/own-keys.ts'
import { sealRoutes } from '../src/routes.ts'
import type { Sealer } from '../src/seal.ts'

export const audience = 'urn:ledgerstone:sealer'

export type Running = AsyncDisposable & {
  readonly app: App
  readonly sealer: Sealer
  readonly ledger: Tested
  readonly ledgerUrl: string
  /** What the sealer sent to the ledger. */
  readonly sent: { readonly url: string; readonly headers: Headers }[]
  /** Lines of the sealer's log. */
  readonly lines: string[]
  /** What stands in the ledger's place, when set. */
  between: Fetch | undefined
  /** Headers of a caller with these scopes. */
  caller(scope?: string, claims?: JWTPayload): Promise<{ authorization: string }>
  post(body: string, more?: Partial<Posting>): Promise<Answer>
  /** The record of a block as its receiver reads it, all proofs checked. */
  open(index: number): Promise<OpenedRecord>
}

export type Posting = {
  readonly bucket: string
  readonly query: string
  readonly headers: Record<string, string | undefined>
  readonly payload: Buffer | string
}
export type Answer = {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: Record<string, unknown>
}

/** The sample's keys as files. */
export function writeKeyFiles(folder: string): KeyFiles {
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    chmodSync(path, 0o600)
    return path
  }
  return {
    statement: write('statement.pem', formatPrivateKeyPem(keys.statement.pkcs8)),
    key: write('key.pem', formatPrivateKeyPem(keys.rsa.pkcs8)),
    retry: write('retry.key', formatRetryKey(utf8('a retry key of thirty-two bytes!'))),
  }
}

export function makeFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'sealer-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

async function ownKeysIn(folder: string, now: () => number): Promise<OwnKeys> {
  const open = configuredKeyOpener(undefined)
  return OwnKeys.open(writeKeyFiles(folder), { open, now, report: () => undefined })
}

export async function run(parts: Partial<SealerParts> = {}): Promise<Running> {
  using folder = makeFolder()
  const ledger = await startLedger()
  const ledgerUrl = await ledger.app.listen({ port: 0, host: '127.0.0.1' })
  const now = (): number => ledger.clock.ms
  const sent: Running['sent'] = []
  const lines: string[] = []
  const reach: Fetch = (url, init) => {
    sent.push({ url: url.slice(ledgerUrl.length), headers: new Headers(init.headers) })
    return (running.between ?? fetch)(url, init)
  }
  const token = (scope: string) => async (): Promise<string> => {
    return (await ledger.bearer(scope)).authorization.slice('Bearer '.length)
  }
  const sleep = async (): Promise<void> => undefined
  const api = ledgerApi({ url: ledgerUrl, fetch: reach, token: token('append:* read:keys'), sleep })
  const sealer = createSealer({
    ...{ trust: ledger.sample.trust, api, now, keys: await ownKeysIn(folder.path, now) },
    receivers: { '*': ['auditor'] },
    clients: [{ client: 'shop', types: ['payment.*', 'order.placed'] }],
    ...parts,
  })
  const bearer = createBearer({
    ...{ audience, now, publicUrls: ['https://sealer.example.com'] },
    issuers: [{ issuer: issuerUrl, fetch: ledger.issuer.fetch }],
  })
  const app = await createApp({
    logger: createLogger({ name: 'sealer' }, { write: (line) => void lines.push(line) }),
  })
  await app.register(sealRoutes({ sealer, bearer }))
  const running: Running = {
    ...{ app, sealer, ledger, ledgerUrl, sent, lines },
    between: undefined,
    async caller(scope = 'append:payments', claims = {}) {
      const jwt = await mint(ledger.issuerKey, ledger.clock.ms, { aud: audience, scope, ...claims })
      return { authorization: `Bearer ${jwt}` }
    },
    async post(body, more = {}) {
      const { bucket = 'payments', query = '', payload = body } = more
      const headers = { 'content-type': 'application/json', ...(await running.caller()), ...more.headers }
      const given = Object.entries(headers).filter(([, value]) => value !== undefined)
      const response = await app.inject({
        ...{ method: 'POST', url: `/v1/seal/${bucket}${query}`, payload },
        headers: Object.fromEntries(given),
      })
      return { status: response.statusCode, headers: response.headers, body: response.json() }
    },
    open: (index) => openAsAuditor(ledger, ledgerUrl, sealer, index),
    async [Symbol.asyncDispose]() {
      await app.close()
      await ledger.close()
    },
  }
  await untilKeysFinal(ledger)
  await sealer.follower.refresh()
  return running
}

export async function untilKeysFinal({ log }: Tested): Promise<void> {
  const bucket = log.bucket('keys')
  await until(() => bucket.final?.head.size === bucket.head.size, 'keys is final')
}

async function openAsAuditor(
  ledger: Tested,
  url: string,
  { follower }: Sealer,
  index: number,
): Promise<OpenedRecord> {
  const payments = ledger.log.bucket('payments')
  await until(() => (payments.final?.head.size ?? 0) > index, 'the block is final')
  const token = async (): Promise<string> => {
    return (await ledger.bearer('read:payments read:keys')).authorization.slice('Bearer '.length)
  }
  const api = ledgerApi({ url, fetch: (at, init) => fetch(at, init), token })
  const reader = { api, trust: ledger.sample.trust, follower, memory: plainMemory() }
  const verified = await readVerified(reader, 'payments', index)
  const opened = await openBlock(
    verified,
    await readEnvelope(api, verified),
    await openerOf(keys.receiver.pkcs8),
  )
  if (!('sender' in opened)) throw new Error('the record is unauthenticated')
  return opened
}

export function recordText({ record }: OpenedRecord): string {
  return textOf(record, 'the record')
}
