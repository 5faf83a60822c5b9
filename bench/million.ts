// A ledger with a million blocks, as long operation would leave it: built once through the contract of the
// store, kept in a folder of its own. Statements carry a borrowed signature and all blocks share one
// envelope: what opens a ledger looks at neither.
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { createDataFolder } from '@ledgerstone/cli/embedded/create'
import { formatEntry } from '@ledgerstone/core/block'
import { type Bytes, concat, formatBase64url, type Hash, utf8 } from '@ledgerstone/core/bytes'
import { encodeEnvelope } from '@ledgerstone/core/envelope'
import { identityOf } from '@ledgerstone/core/identity'
import type { Sealed } from '@ledgerstone/core/sealed'
import { formatPayload } from '@ledgerstone/core/statement'
import { appendTiles, encodeEntries } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import { importId } from '@ledgerstone/core/uuid'
import type { Documents } from '@ledgerstone/log/documents'
import { documentOf, readDocuments } from '@ledgerstone/log/documents-fill'
import type { Batch, Head, Store } from '@ledgerstone/log/store'
import { readTip, type Tip } from '@ledgerstone/log/tip'
import { SqliteDocuments } from '@ledgerstone/stores/documents/sqlite'
import { FileStore } from '@ledgerstone/stores/file/store'
import { bucket } from './ledger.ts'
import { quickSealer, recordOf } from './records.ts'

const batchBlocks = 4096
const documentsAtOnce = 1024

/** The data folder of a ledger with so many blocks in one bucket; made when there is none. */
export async function millionBlocks(path: string, size: number): Promise<void> {
  if (existsSync(path)) return
  const draft = `${path}-draft`
  await rm(draft, { recursive: true, force: true })
  const url = 'http://127.0.0.1:8400'
  const { ledger } = await createDataFolder({ path: draft, url, buckets: [bucket], now: Date.now })
  const folder = dataFolder(draft)
  const sealed = await (await quickSealer(ledger, folder))(bucket, recordOf(0))
  {
    await using store = await FileStore.open(folder.ledger)
    await using documents = await SqliteDocuments.open(folder.documents, (text) => console.log(text))
    await fill(store, documents, sealed, size)
  }
  await rename(draft, path)
}

async function fill(store: Store, documents: Documents, sealed: Sealed, size: number): Promise<void> {
  const envelope = encodeEnvelope(sealed.envelope)
  let tip = await readTip(store, bucket)
  const { head } = tip
  await documents.put(bucket, 0, await readDocuments({ name: bucket, store, head }, 0, head.size))
  while (tip.head.size < size) {
    const made = makeBatch(tip, sealed, envelope, Math.min(batchBlocks, size - tip.head.size))
    await store.append(bucket, tip.head, made.batch, made.tip.head)
    for (let at = 0; at < made.entries.length; at += documentsAtOnce) {
      const entries = made.entries.slice(at, at + documentsAtOnce)
      const from = tip.head.size + at
      await documents.put(
        bucket,
        from,
        entries.map((entry) => documentOf(entry, envelope)),
      )
    }
    tip = made.tip
    if (process.stderr.isTTY)
      process.stderr.write(`\r${tip.head.size.toLocaleString('en')} blocks made\x1b[K`)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

type Made = { readonly batch: Batch; readonly tip: Tip; readonly entries: readonly Bytes[] }

function makeBatch(tip: Tip, sealed: Sealed, envelope: Bytes, count: number): Made {
  const { payload, header, jws } = sealed.statement
  const [head = '', , signature = ''] = jws.split('.')
  const frontier = tip.frontier.clone()
  const time = tip.time + 1
  const entries: Bytes[] = []
  const leaves: Hash[] = []
  const identities: Hash[] = []
  let prev = tip.prev
  for (let i = 0; i < count; i++) {
    const index = tip.head.size + i
    const id = importId(payload.content?.digest ?? prev, index, bucket)
    const statement = `${head}.${formatBase64url(utf8(formatPayload({ ...payload, id })))}.${signature}`
    const entry = formatEntry({ bucket, index, time, prev, keys: tip.keys, statement })
    prev = leafHash(entry)
    frontier.append(prev)
    entries.push(entry)
    leaves.push(prev)
    identities.push(identityOf(payload.log, header.kid, id), noCase)
  }
  const { tiles, edge } = appendTiles(tip.edge, leaves)
  const next: Head = frontier.head()
  const batch = {
    from: tip.head.size,
    count,
    entries: encodeEntries(entries),
    envelopes: framed(envelope, count),
    identities: concat(...identities),
    tiles,
  }
  return { batch, tip: { ...tip, head: next, frontier, edge, prev, time }, entries }
}

const noCase = new Uint8Array(32)

/** The same envelope again and again, each time as u32 n | n bytes. */
function framed(envelope: Bytes, count: number): Bytes {
  const frame = new Uint8Array(4 + envelope.length)
  new DataView(frame.buffer).setUint32(0, envelope.length)
  frame.set(envelope, 4)
  const out = new Uint8Array(count * frame.length)
  for (let i = 0; i < count; i++) out.set(frame, i * frame.length)
  return out
}
