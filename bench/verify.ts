// Verification without a network: what `verify` does to entries it has already read.
//
//     node bench/verify.ts [--blocks 200000] [--statements 20000] [--rounds 5]
//                          [--profile FILE]     a CPU profile of the replay rounds
//
// replay      strict decoding, leaf hash, links and tree of every entry (BucketReplay), one thread
// statements  strict decoding, registry and Ed25519 signature of every statement (judgeBlock), on 1 and on 2
// threads
//
// Beside each, what cannot be saved: the hashes alone, the signatures alone. Their ratio holds on a busy
// machine, too.
//
// Entries lie in bundles of 256, as tiles bring them. Every statement of the second part is signed; the
// replay takes them in turn, for it does not look inside. One round warms up, the median of the others
// counts.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { formatEntry, noHash, parseEntry } from '@ledgerstone/core/block'
import { type Bytes, formatBase64url, formatHex, utf8 } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { judgeBlock } from '@ledgerstone/core/judge'
import { createKey, type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { originOf } from '@ledgerstone/core/names'
import { formatRegistration, proofMessage, type Registration } from '@ledgerstone/core/registration'
import { Registry } from '@ledgerstone/core/registry'
import { BucketReplay } from '@ledgerstone/core/replay'
import { checkSpki } from '@ledgerstone/core/spki'
import { parseStatement, type StatementPayload, signStatement } from '@ledgerstone/core/statement'
import { decodeEntries, encodeEntries } from '@ledgerstone/core/tile'
import { Frontier, type Head, leafHash } from '@ledgerstone/core/tree'
import { liveId } from '@ledgerstone/core/uuid'
import { vkeyOf } from '@ledgerstone/core/vkey'

const ledger = 'bench.example.com/log'
const bucket = 'payments'
const now = Date.parse('2026-11-23T03:17:00.000Z')
const bundleWidth = 256

type Work = { readonly keys: readonly Bytes[]; readonly bundles: readonly Bytes[] }

if (isMainThread) await main()
else await work(workerData as Work)

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      blocks: { type: 'string', default: '200000' },
      statements: { type: 'string', default: '20000' },
      rounds: { type: 'string', default: '5' },
      profile: { type: 'string' },
    },
  })
  const rounds = Number(options.rounds)
  const sample = await makeSample(Number(options.statements))
  const chain = makeChain(sample.statements, Number(options.blocks), sample.keys.length)
  const signed = makeChain(sample.statements, sample.statements.length, sample.keys.length)
  console.log(
    `${availableParallelism()} cores, Node ${process.version}; entries of ${chain.entryBytes} bytes; ` +
      `median of ${rounds} rounds (lowest to highest), one more before them`,
  )

  const replayed = await profiled(options.profile, () =>
    measure(rounds, Number(options.blocks), async () => replayAll(chain.bundles, chain.head)),
  )
  show('replay, 1 thread', replayed)
  const hashed = await measure(rounds, Number(options.blocks), async () => hashAll(chain.bundles, chain.head))
  show('  the hashes alone', hashed)

  const registry = await openRegistry(sample.keys)
  const judged = await measure(rounds, sample.statements.length, () => judgeAll(signed.bundles, registry))
  show('statements, 1 thread', judged)
  const verified = await measure(rounds, sample.statements.length, await signaturesOf(sample, registry))
  show('  the signatures alone', verified)
  const shared = await judgeOnThreads(2, rounds, sample, signed.bundles)
  show('statements, 2 threads', shared)
}

function replayAll(bundles: readonly Bytes[], head: Head): void {
  const replay = new BucketReplay(bucket)
  for (const bundle of bundles) for (const entry of decodeEntries(bundle)) replay.add(entry)
  replay.finish(head)
}

function hashAll(bundles: readonly Bytes[], head: Head): void {
  const frontier = new Frontier()
  for (const bundle of bundles) for (const entry of decodeEntries(bundle)) frontier.append(leafHash(entry))
  assert.deepEqual(frontier.root(), head.root)
}

async function signaturesOf({ statements }: Sample, registry: Registry): Promise<() => Promise<void>> {
  const parsed = statements.map(parseStatement)
  const verifiers: Verify[] = []
  for (const { header } of parsed) verifiers.push(await registry.verifier(registry.key(header.kid)))
  return async () => {
    for (const [i, { signingInput, signature }] of parsed.entries()) {
      assert.ok(await verifiers[i]?.(signingInput, signature))
    }
  }
}

type Verify = Awaited<ReturnType<Registry['verifier']>>

async function judgeAll(bundles: readonly Bytes[], registry: Registry): Promise<void> {
  for (const bundle of bundles) {
    for (const entry of decodeEntries(bundle)) await judgeBlock(parseEntry(entry), registry)
  }
}

/** Each thread has an equal part and begins when all are warm. */
async function judgeOnThreads(
  threads: number,
  rounds: number,
  { keys, statements }: Sample,
  bundles: readonly Bytes[],
): Promise<readonly Round[]> {
  const workers = Array.from({ length: threads }, (_, i) => {
    const part = bundles.filter((_, at) => at % threads === i)
    return new Worker(new URL(import.meta.url), { workerData: { keys, bundles: part } satisfies Work })
  })
  const run = async (): Promise<void> => {
    const done = workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)))
    for (const worker of workers) worker.postMessage('go')
    await Promise.all(done)
  }
  const rates = await measure(rounds, statements.length, run)
  await Promise.all(workers.map((worker) => worker.terminate()))
  return rates
}

async function work({ keys, bundles }: Work): Promise<void> {
  const registry = await openRegistry(keys)
  parentPort?.on('message', async () => {
    await judgeAll(bundles, registry)
    parentPort?.postMessage('done')
  })
}

/** Blocks per second by the clock, and processor time of the whole process in microseconds a block. */
type Round = { readonly rate: number; readonly cpuUs: number }

/** Every round but the first, the slowest first. */
async function measure(rounds: number, blocks: number, run: () => Promise<void>): Promise<readonly Round[]> {
  const measured: Round[] = []
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now()
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    const rate = (blocks / (performance.now() - start)) * 1000
    if (round > 0) measured.push({ rate, cpuUs: (user + system) / blocks })
  }
  return measured.toSorted((a, b) => a.rate - b.rate)
}

function show(what: string, rounds: readonly Round[]): void {
  const rates = rounds.map(({ rate }) => Math.round(rate).toLocaleString('en-US'))
  const middle = Math.floor(rounds.length / 2)
  const cpu = rounds
    .map(({ cpuUs }) => cpuUs)
    .toSorted((a, b) => a - b)
    [middle]?.toFixed(2)
  const range = `${rates.at(0)} to ${rates.at(-1)}`
  console.log(
    `${what.padEnd(24)}${rates[middle]?.padStart(10)} blocks/s  (${range}), ${cpu} us of processor time each`,
  )
}

async function profiled<T>(file: string | undefined, run: () => Promise<T>): Promise<T> {
  if (file === undefined) return run()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  const result = await run()
  const { profile } = await session.post('Profiler.stop')
  await writeFile(file, JSON.stringify(profile))
  session.disconnect()
  return result
}

type Chain = { readonly bundles: readonly Bytes[]; readonly head: Head; readonly entryBytes: number }

function makeChain(statements: readonly string[], blocks: number, keys: number): Chain {
  const frontier = new Frontier()
  const bundles: Bytes[] = []
  let entries: Bytes[] = []
  let prev = noHash
  let bytes = 0
  for (let i = 0; i < blocks; i++) {
    const statement = statements[i % statements.length] as string
    const entry = formatEntry({ bucket, index: i, time: now + Math.floor(i / 100), prev, keys, statement })
    prev = leafHash(entry)
    frontier.append(prev)
    bytes += entry.length
    entries.push(entry)
    if (entries.length < bundleWidth && i < blocks - 1) continue
    bundles.push(encodeEntries(entries))
    entries = []
  }
  return { bundles, head: frontier.head(), entryBytes: Math.round(bytes / blocks) }
}

type Sample = { readonly keys: readonly Bytes[]; readonly statements: readonly string[] }

/** A registry of a few keys, and signed statements of one of them: a genesis, then records. */
async function makeSample(count: number): Promise<Sample> {
  const [ledgerKey, registrar, sender] = [
    await createKey('Ed25519'),
    await createKey('Ed25519'),
    await createKey('Ed25519'),
  ]
  const logKey = vkeyOf(originOf(ledger, 'keys'), 'note', (await createKey('Ed25519')).spki).text
  const genesis = {
    ...{ bucket: 'keys', ledger, ledgerKey: formatBase64url(ledgerKey.spki), logKeys: [logKey] },
    ...{ policy: formatHex(noHash), threshold: 1 },
    registrars: [await registrationOf(registrar, 'registrar', ['registrar'])],
  }
  const first = await bodyOf('keys', ledgerKey, 'ledgerstone.genesis', genesis)
  const block0 = formatEntry({ bucket: 'keys', index: 0, time: now, prev: noHash, keys: 0, statement: first })
  const second = await bodyOf(
    'keys',
    registrar,
    'ledgerstone.key.register',
    await registrationOf(sender, 'sender', []),
  )
  const place = { bucket: 'keys', index: 1, time: now, prev: leafHash(block0), keys: 1 }
  const keys = [block0, formatEntry({ ...place, statement: second })]

  const statements = [await bodyOf(bucket, ledgerKey, 'ledgerstone.genesis', { bucket, ledger })]
  const signer = await statementSignerOf(sender)
  while (statements.length < count) {
    const content = { suite: 'rsa-aes-cfb', digest: leafHash(utf8(`${statements.length}`)), bytes: 1384 }
    const retry = content.digest.slice(0, 16)
    const more = { retry, refs: [content.digest], case: { id: liveId(now), after: null } }
    const payload: StatementPayload = {
      log: originOf(ledger, bucket),
      id: liveId(now),
      type: 'payment.captured',
      issued: now,
      content,
      ...more,
    }
    statements.push(await signStatement(payload, signer))
  }
  return { keys, statements }
}

async function bodyOf(bucket: string, key: OwnKey, type: string, body: JsonObject): Promise<string> {
  const payload = { log: originOf(ledger, bucket), id: liveId(now), type, issued: now, body }
  return signStatement(payload, await statementSignerOf(key))
}

async function registrationOf(key: OwnKey, owner: string, roles: Registration['roles']): Promise<JsonObject> {
  const use = { purpose: 'sign', assurance: 'local' } as const
  const body = formatRegistration({
    ...use,
    kid: key.kid,
    spki: key.spki,
    kind: checkSpki(key.spki),
    owner,
    roles,
  })
  const { sign } = await statementSignerOf(key)
  return {
    ...body,
    proof: { signature: formatBase64url(await sign(proofMessage(originOf(ledger, 'keys'), body))) },
  }
}

async function openRegistry(keys: readonly Bytes[]): Promise<Registry> {
  const [first, ...rest] = keys
  assert.ok(first)
  const registry = await Registry.open(ledger, first)
  for (const entry of rest) await registry.apply(entry)
  return registry
}
