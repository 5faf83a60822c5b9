// The engine alone: no HTTP, no tokens, no JSON. Pre-signed records of 1 KiB go through admission,
// verification and commit.
//
//     node bench/engine.ts [--store file|memory] [--workers 2] [--connections 64] [--batch 1]
//                          [--seconds 5] [--rounds 3] [--profile FILE]
//
// All records share one envelope, which is checked, copied and written for each of them; every statement is
// its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatBase64url } from '@ledgerstone/core/bytes'
import { createKey, type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { originOf } from '@ledgerstone/core/names'
import { formatRegistration, proofMessage, type Registration } from '@ledgerstone/core/registration'
import { receiverOf, sealRecord } from '@ledgerstone/core/seal'
import { senderOf } from '@ledgerstone/core/sender'
import { checkSpki } from '@ledgerstone/core/spki'
import { parseStatement, signStatement } from '@ledgerstone/core/statement'
import { liveId } from '@ledgerstone/core/uuid'
import { type LogSigner, vkeysOf } from '@ledgerstone/log/checkpoint'
import { bodyStatement, createLedger } from '@ledgerstone/log/genesis'
import { Log } from '@ledgerstone/log/log'
import type { Store } from '@ledgerstone/log/store'
import { type Submission, submissionOf } from '@ledgerstone/log/submission'
import { FileStore } from '@ledgerstone/stores/file/store'
import { MemoryStore } from '@ledgerstone/stores/memory'

const { values: options } = parseArgs({
  options: {
    store: { type: 'string', default: 'file' },
    workers: { type: 'string', default: '2' },
    connections: { type: 'string', default: '64' },
    batch: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    profile: { type: 'string' },
  },
})
const ledger = 'bench.example/log'
const report = (): void => undefined
const folder = await mkdtemp(join(tmpdir(), 'ledgerstone-bench-'))
const store: Store = options.store === 'memory' ? new MemoryStore() : await FileStore.open(folder)
const keys = {
  ledger: await createKey('Ed25519'),
  registrar: await createKey('Ed25519'),
  statement: await createKey('Ed25519'),
  rsa: await createKey('RSA-2048'),
  receiver: await createKey('RSA-2048'),
}
const logKeys = { keys: await logKeysOf(), payments: await logKeysOf() }

await main()

async function main(): Promise<void> {
  const log = await openBench()
  const perRound = Number(options.seconds) * 20_000
  const submissions = await prepare(perRound)
  const rates: number[] = []
  for (let round = 0; round < Number(options.rounds); round++) {
    const { rate, p50, p99, cpu, cpuAll } = await measure(
      log,
      round === 0 ? submissions : await prepare(perRound),
    )
    rates.push(rate)
    const latency = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
    const mainThread = `${cpu.toFixed(1)} us a record on the main thread, ${cpuAll.toFixed(1)} on all`
    console.log(`round ${round + 1}: ${rate.toFixed(0)}/s, ${latency}, ${mainThread}`)
  }
  const median = rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
  const { workers, connections, batch } = options
  const threads = `${options.store} store, ${workers} verifying threads, ${availableParallelism()} cores`
  const load = `${connections} closed loops, batches of ${batch}`
  console.log(`engine: ${median.toFixed(0)} appends/s (${threads}, ${load}, Node ${process.version})`)
  await log[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}

async function openBench(): Promise<Log> {
  const origin = originOf(ledger, 'keys')
  const registrar = await registrationOf(keys.registrar, {
    owner: 'registrar',
    purpose: 'sign',
    roles: ['registrar'],
  })
  const policyText = `log ${vkeysOf(origin, logKeys.keys)[0]?.text}\nquorum none\n`
  const now = (): number => Date.now()
  const made = {
    ledger,
    store,
    signer: logKeys.keys,
    ledgerKey: keys.ledger,
    registrars: [registrar],
    threshold: 1,
    policyText,
  }
  const trust = await createLedger({ ...made, now, report })
  const log = await Log.open({
    ...{ trust, store, now, report, publishIntervalMs: 1000, verifyWorkers: Number(options.workers) },
    signers: async (bucket) => logKeys[bucket as keyof typeof logKeys],
  })
  for (const key of [keys.statement, keys.rsa, keys.receiver]) {
    const purpose = key === keys.receiver ? 'receive' : 'sign'
    const body = await registrationOf(key, { owner: purpose === 'sign' ? 'sealer' : 'auditor', purpose })
    const statement = await bodyStatement(
      origin,
      'ledgerstone.key.register',
      body,
      keys.registrar,
      Date.now(),
    )
    await log.bucket('keys').append(submissionOf({ statement }), 'registrar')
  }
  await log.createBucket('payments', { registrar: keys.registrar, ledgerKey: keys.ledger })
  return log
}

async function logKeysOf(): Promise<LogSigner> {
  return { ed25519: (await createKey('Ed25519')).pkcs8, mldsa44: (await createKey('ML-DSA-44')).pkcs8 }
}

async function registrationOf(
  key: OwnKey,
  fields: Pick<Registration, 'owner' | 'purpose'> & Partial<Registration>,
): Promise<ReturnType<typeof formatRegistration>> {
  const { kid, spki } = key
  const body = formatRegistration({
    roles: [],
    assurance: 'local',
    kid,
    spki,
    kind: checkSpki(spki),
    ...fields,
  })
  if (fields.purpose === 'receive') return { ...body, proof: { answered: liveId(Date.now()) } }
  const { sign } = await statementSignerOf(key)
  return {
    ...body,
    proof: { signature: formatBase64url(await sign(proofMessage(originOf(ledger, 'keys'), body))) },
  }
}

/** Statements that are all different, over one envelope. */
async function prepare(count: number): Promise<Submission[]> {
  const sender = await senderOf(keys.statement, keys.rsa, undefined)
  const issued = Date.now()
  const draft = { log: originOf(ledger, 'payments'), type: 'payment.captured', issued, id: liveId(issued) }
  const labels = { media: 'application/json', meta: { currency: 'EUR' } }
  const record = new Uint8Array(1024).fill(0x20)
  const { statement, envelope } = await sealRecord({ ...draft, record, labels }, sender, [
    await receiverOf(keys.receiver.spki),
  ])
  const submissions: Submission[] = []
  for (let i = 0; i < count; i++) {
    const jws = await signStatement({ ...statement.payload, id: liveId(issued) }, sender.statement)
    submissions.push(submissionOf({ statement: parseStatement(jws), envelope }))
  }
  return submissions
}

async function measure(
  log: Log,
  submissions: readonly Submission[],
): Promise<{ rate: number; p50: number; p99: number; cpu: number; cpuAll: number }> {
  const bucket = log.bucket('payments')
  const batch = Number(options.batch)
  const latencies: number[] = []
  let next = 0
  let done = 0
  const session = options.profile === undefined ? undefined : await startProfile()
  const began = performance.now()
  const end = began + Number(options.seconds) * 1000
  const before = process.threadCpuUsage()
  const beforeAll = process.cpuUsage()
  const connection = async (): Promise<void> => {
    while (performance.now() < end && next < submissions.length) {
      const records = submissions.slice(next, next + batch)
      next += batch
      const sent = performance.now()
      if (batch === 1) await bucket.append(records[0] as Submission, 'bench')
      else
        for (const result of await bucket.appendBatch(records, 'bench'))
          if (result instanceof Error) throw result
      latencies.push(performance.now() - sent)
      done += records.length
    }
  }
  await Promise.all(Array.from({ length: Number(options.connections) }, connection))
  const seconds = (performance.now() - began) / 1000
  const used = process.threadCpuUsage(before)
  const usedAll = process.cpuUsage(beforeAll)
  if (session !== undefined) await writeProfile(session)
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    rate: done / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpu: sum(used) / done,
    cpuAll: sum(usedAll) / done,
  }
}

function sum({ user, system }: NodeJS.CpuUsage): number {
  return user + system
}

async function startProfile(): Promise<Session> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  return session
}

async function writeProfile(session: Session): Promise<void> {
  const { profile } = await session.post('Profiler.stop')
  await writeFile(options.profile ?? 'engine.cpuprofile', JSON.stringify(profile))
  session.disconnect()
}
