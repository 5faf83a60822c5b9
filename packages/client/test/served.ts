// A real ledger behind a real socket, and ways to stand between it and its client.

import { until } from '../../core/test/until.ts'
import { startLedger, type Tested, type TestOptions } from '../../ledger/test/ledger.ts'
import { seal } from '../../log/test/sample.ts'
import { type LedgerApi, ledgerApi } from '../src/api.ts'
import type { Fetch, HttpOptions } from '../src/http.ts'
import { type Memory, plainMemory } from '../src/memory.ts'
import { RegistryFollower } from '../src/registry.ts'
import { statementCheck } from '../src/statements.ts'
import { type BucketVerdict, type VerifyOptions, verifyBucket } from '../src/verify.ts'

/**
 * What stands between: sees the path below the service and the bytes of the answer, and may change them, or
 * say that nothing is there.
 */
export type Between = (path: string, body: Uint8Array) => Uint8Array | undefined

export type Served = AsyncDisposable & {
  readonly tested: Tested
  readonly url: string
  readonly fetch: Fetch
  api(between?: Between, options?: Partial<HttpOptions>): LedgerApi
}

export async function serve(options: TestOptions = {}): Promise<Served> {
  const tested = await startLedger(options)
  const url = await tested.app.listen({ port: 0, host: '127.0.0.1' })
  const token = async (): Promise<string> => {
    const { authorization } = await tested.bearer('append:* read:* read:keys')
    return authorization.slice('Bearer '.length)
  }
  const reach: Fetch = (at, init) => fetch(at, init)
  return {
    tested,
    url,
    fetch: reach,
    api: (between, more = {}) =>
      ledgerApi({ url, fetch: between === undefined ? reach : through(reach, url, between), token, ...more }),
    [Symbol.asyncDispose]: () => tested.close(),
  }
}

function through(reach: Fetch, url: string, between: Between): Fetch {
  return async (at, init) => {
    const response = await reach(at, init)
    const body = new Uint8Array(await response.arrayBuffer())
    const changed = between(at.slice(url.length), body)
    if (changed === undefined) return new Response(null, { status: 404 })
    const { status, headers } = response
    return new Response(new Uint8Array(changed), {
      status,
      headers: { 'content-type': headers.get('content-type') ?? '' },
    })
  }
}

/** Another character of base64url, so that what is changed stays well-formed; of binary data another byte. */
export function changeByte(body: Uint8Array, at: number): Uint8Array {
  body[at] = body[at] === 0x41 ? 0x42 : 0x41
  return body
}

/** Appends records one after the other, and waits until they are final. */
export async function appendBlocks({ tested }: Served, count: number): Promise<void> {
  const payments = tested.log.bucket('payments')
  for (let i = 0; i < count; i += 256) {
    const batch = await Promise.all(Array.from({ length: Math.min(256, count - i) }, () => seal()))
    await payments.appendBatch(batch, 'test')
  }
  await untilFinal(tested, 'payments')
  await untilFinal(tested, 'keys')
}

export async function untilFinal({ log }: Tested, bucket: string): Promise<void> {
  const { head } = log.bucket(bucket)
  await until(() => (log.bucket(bucket).final?.head.size ?? 0) >= head.size, `${bucket} is final`)
}

export type Verifier = {
  readonly memory: Memory
  readonly follower: RegistryFollower
  verify(options?: Partial<VerifyOptions>): Promise<BucketVerdict>
}

/** A client that verifies payments through `api`, statements included. */
export function verifierOf(api: LedgerApi, { tested }: Served, memory: Memory = plainMemory()): Verifier {
  const { trust } = tested.sample
  const sleep = async (): Promise<void> => undefined
  const now = (): number => tested.clock.ms
  const follower = new RegistryFollower({ trust, reader: api.log('keys'), memory, now, sleep })
  return {
    memory,
    follower,
    verify: (options = {}) =>
      verifyBucket({
        ...{ bucket: 'payments', trust, reader: api.log('payments'), follower, memory },
        statements: ({ registry }) => statementCheck(registry),
        ...options,
      }),
  }
}
