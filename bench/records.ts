// Records sealed beforehand, each with its own id, key, ciphertext and signed statement: nothing is sent
// twice.
import { randomBytes } from 'node:crypto'
import type { DataFolder } from '@ledgerstone/cli/data-folder'
import { readOwnKey } from '@ledgerstone/cli/embedded/keys'
import { type Bytes, utf8 } from '@ledgerstone/core/bytes'
import { originOf } from '@ledgerstone/core/names'
import { type Receiver, receiverOf, type Sender, sealRecord } from '@ledgerstone/core/seal'
import { formatSealed, type Sealed } from '@ledgerstone/core/sealed'
import { liveId } from '@ledgerstone/core/uuid'
import { readSender } from '@ledgerstone/sealer/keys'

export const recordBytes = 1024

/** Sealed records as JSON. */
export async function sealRecords(
  ledger: string,
  bucket: string,
  folder: DataFolder,
  count: number,
): Promise<readonly string[]> {
  const seal = await quickSealer(ledger, folder)
  const records: string[] = []
  for (let i = 0; i < count; i++) records.push(JSON.stringify(formatSealed(await seal(bucket, recordOf(i)))))
  return records
}

/** Seals by the sealer's registered keys for the registered receiver. */
export async function quickSealer(
  ledger: string,
  folder: DataFolder,
): Promise<(bucket: string, record: Uint8Array) => Promise<Sealed>> {
  const { sender, receivers } = await readKeys(folder)
  // An RSA signature takes 230 us, and nobody who has no receiver's key can check it: any bytes do for
  // appending.
  const sign = (): Bytes => new Uint8Array(randomBytes(256))
  const quick: Sender = { ...sender, key: { kid: sender.key.kid, sign } }
  return (bucket, record) => {
    const issued = Date.now()
    const log = originOf(ledger, bucket)
    const labels = { media: 'application/json', meta: { currency: 'EUR' } }
    const draft = { log, id: liveId(issued), type: 'payment.captured', issued, record, labels }
    return sealRecord(draft, quick, receivers)
  }
}

/** The sealer's keys and the first receiver's. */
export async function readKeys(
  folder: DataFolder,
): Promise<{ readonly sender: Sender; readonly receivers: readonly Receiver[] }> {
  const sender = await readSender({
    statement: folder.statementKey,
    key: folder.sealerKey,
    retry: folder.retryKey,
  })
  const { spki } = await readOwnKey(folder.receiverKey)
  return { sender, receivers: [await receiverOf(spki)] }
}

/** A payment of exactly 1 KiB. */
export function recordOf(number: number): Uint8Array {
  const payment = { invoice: `INV-${number}`, amount: '129.90', currency: 'EUR', note: '' }
  const text = JSON.stringify(payment)
  return utf8(JSON.stringify({ ...payment, note: 'x'.repeat(recordBytes - text.length) }))
}
