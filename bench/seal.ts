// Sealing on one thread, without a service around it: what a sealer's core is worth.
import { createKey } from '@ledgerstone/core/key-pair'
import { receiverOf, type Sender, sealRecord } from '@ledgerstone/core/seal'
import { senderOf } from '@ledgerstone/core/sender'
import { liveId } from '@ledgerstone/core/uuid'
import { recordBytes, recordOf } from './records.ts'
import { formatRates, formatRatios, interleave } from './rounds.ts'

const roundMs = 2000
const statementBytes = 600
const log = 'bench.example.com/log/payments'

export async function measureSealing(rounds: number): Promise<void> {
  const retryKey = new Uint8Array(32)
  const sender = await senderOf(await createKey('Ed25519'), await createKey('RSA-2048'), retryKey)
  const { spki } = await createKey('RSA-2048')
  const receivers = [await receiverOf(spki)]
  const seal = (): Promise<number> => sealFor(sender, receivers, roundMs)
  const bare = (): Promise<number> => signFor(sender, receivers, roundMs)
  await seal()
  await bare()
  const [rates = [], bares = []] = await interleave(rounds, [seal, bare])
  console.log(
    `sealing: one thread, records of ${recordBytes} bytes, suite rsa-aes-cfb with RSA-2048, one receiver, ` +
      `Ed25519 statement, ${rounds} rounds of ${roundMs / 1000} s\n` +
      `  whole record            ${formatRates(rates).padEnd(28)}goal 2,500/s\n` +
      `  its public-key work     ${formatRates(bares).padEnd(28)}RSA-2048 and Ed25519 signature, RSA-OAEP; ` +
      `sealing is ${formatRatios(rates, bares)} of it`,
  )
}

/** Records per second. */
async function sealFor(
  sender: Sender,
  receivers: Parameters<typeof sealRecord>[2],
  ms: number,
): Promise<number> {
  const labels = { media: 'application/json', meta: { currency: 'EUR' } }
  const began = performance.now()
  let count = 0
  for (; performance.now() < began + ms; count++) {
    const issued = Date.now()
    const draft = { log, id: liveId(issued), type: 'payment.captured', issued, record: recordOf(count) }
    await sealRecord({ ...draft, labels }, sender, receivers)
  }
  return (count / (performance.now() - began)) * 1000
}

/** Per second: what no sealing can do without. */
async function signFor(
  sender: Sender,
  receivers: Parameters<typeof sealRecord>[2],
  ms: number,
): Promise<number> {
  const key = new Uint8Array(32)
  const statement = new Uint8Array(statementBytes)
  const began = performance.now()
  let count = 0
  for (; performance.now() < began + ms; count++) {
    await sender.key.sign(key)
    await sender.statement.sign(statement)
    for (const { wrap } of receivers) await wrap(key)
  }
  return (count / (performance.now() - began)) * 1000
}
