// The ledger's interface (see spec and /openapi.json), typed. What it answers is shown; what is to be
// believed is verified by verify.ts and open.ts.
import { type Bytes, textOf } from '@ledgerstone/core/bytes'
import {
  integerMember,
  isObject,
  type Json,
  type JsonObject,
  listMember,
  parseJson,
  textMember,
} from '@ledgerstone/core/canonical'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { formatSealed, type Sealed } from '@ledgerstone/core/sealed'
import { type TileName, tilePath } from '@ledgerstone/core/tile'
import { streamEnvelopes } from './envelopes.ts'
import { type EventOptions, followEvents, type LogEvent } from './events.ts'
import { type Answer, type Ask, type Http, type HttpOptions, httpOf } from './http.ts'
import { type LogReader, tileBytesMax } from './tiles.ts'
import { whenFinal } from './when-final.ts'

/** A sealed record or, for the key registry, a statement that needs no envelope. */
export type Submission = Sealed | Pick<Sealed, 'statement'>

/**
 * The answer of an append. `hash` and `prevhash` in hexadecimal, `time` in UTC, `checkpoint` a note of
 * `size`.
 */
export type Appended = {
  readonly bucket: string
  readonly index: number
  readonly hash: string
  readonly prevhash: string
  readonly time: string
  readonly size: number
  readonly final: boolean
  readonly checkpoint: string
  readonly receipt?: string
}

/** `created`: false when the record was there already, and this is its first block. */
export type Posted = Appended & { readonly created: boolean }

/** The result of one record of a batch; `code` is the reason of a refusal. */
export type BatchResult =
  | ({ readonly status: 200 | 201 } & Appended)
  | { readonly status: number; readonly code: string; readonly detail: string }

export type BucketSummary = JsonObject & { readonly name: string; readonly origin: string }

/** `head` and `final` are notes; `final` is null while there is none. */
export type BucketDetail = BucketSummary & {
  readonly size: number
  readonly vkeys: readonly string[]
  readonly head: string
  readonly final: string | null
}

export type BlockView = JsonObject & {
  readonly bucket: string
  readonly index: number
  readonly hash: string
  readonly prevhash: string
  readonly nexthash: string | null
  readonly time: string
  readonly keys: number
  readonly final: boolean
  readonly sender: string
  readonly payload: JsonObject
  readonly statement: string
  readonly envelope: JsonObject | null
}

export type BlockFilter = {
  readonly from?: number
  readonly limit?: number
  readonly order?: 'ascending' | 'descending'
  readonly type?: string
  /** kid. */
  readonly sender?: string
  /** kid. */
  readonly receiver?: string
  /** A day, or a time in UTC. */
  readonly timeFrom?: string
  readonly timeTo?: string
  readonly meta?: Readonly<Record<string, string>>
}

/** `complete`: blocks below this index were looked at. `next`: where to go on, when there may be more. */
export type BlockPage = {
  readonly bucket: string
  readonly size: number
  readonly blocks: readonly BlockView[]
  readonly complete: number
  readonly next?: number
}

/** An index, or a hash of 64 hexadecimal characters. */
export type BlockReference = number | string

export type PostOptions = {
  /** Add the receipt, when the block is final. */
  readonly receipt?: boolean
  /** Answer when the block is final, or after some seconds. */
  readonly wait?: 'final'
  /** W3C Trace Context. */
  readonly traceparent?: string | undefined
  readonly signal?: AbortSignal
}

export type LedgerApi = {
  /** Appends one record. Asks again by itself: a record has an identity, and is never appended twice. */
  postBlock(bucket: string, record: Submission, options?: PostOptions): Promise<Posted>
  /** Appends at most 1,000 records, 8 MiB; one result each, in their order. */
  postBatch(bucket: string, records: readonly Submission[]): Promise<readonly BatchResult[]>
  buckets(): Promise<readonly BucketSummary[]>
  bucket(bucket: string): Promise<BucketDetail>
  blocks(bucket: string, filter?: BlockFilter): Promise<BlockPage>
  block(bucket: string, block: BlockReference): Promise<BlockView>
  entry(bucket: string, block: BlockReference): Promise<Bytes>
  /** Throws `erased`, and `unknown-block` for a block that never had one. */
  envelope(bucket: string, block: BlockReference): Promise<Bytes>
  /** Waits two seconds at most for a block that is not final yet; throws `no-quorum` then. */
  receipt(bucket: string, block: BlockReference): Promise<string>
  /** As `receipt`. */
  evidence(bucket: string, block: BlockReference): Promise<string>
  /**
   * Of `count` blocks from index `from`; undefined where there is none. Throws `gap` when they end too soon.
   */
  envelopes(bucket: string, from: number, count: number): AsyncGenerator<Bytes | undefined>
  events(bucket: string, options?: EventOptions): AsyncGenerator<LogEvent>
  /** The static part under `/log/{bucket}/`. */
  log(bucket: string): LogReader
}

const json = ['application/json']
const octets = ['application/octet-stream']
const textBytesMax = 2 * limits.noteBytesMax

/** `options.url` is where the ledger is; its tokens need `append:{b}` and `read:{b}`. */
export function ledgerApi(options: HttpOptions): LedgerApi {
  const http = httpOf(options)
  const path = (bucket: string, rest = ''): string => `/v1/buckets/${encodeURIComponent(bucket)}${rest}`
  const part = (bucket: string, block: BlockReference, rest = ''): string =>
    path(bucket, `/blocks/${encodeURIComponent(block)}${rest}`)
  const get = (at: string, accept: readonly string[], answerBytesMax: number, more: Partial<Ask> = {}) =>
    http.ask({ path: at, accept, answerBytesMax, repeatable: true, ...more })

  return {
    postBlock: (bucket, record, asked) => postBlock(http, path(bucket, '/blocks'), record, asked),
    postBatch: (bucket, records) => postBatch(http, path(bucket, '/blocks/batch'), records),
    async buckets() {
      const answer = objectOf(await get('/v1/buckets', json, limits.listBytesMax))
      return listMember(answer['buckets'], 'buckets').map(parseSummary)
    },
    async bucket(bucket) {
      return parseDetail(objectOf(await get(path(bucket), json, limits.listBytesMax)))
    },
    async blocks(bucket, filter = {}) {
      const query = formatFilter(filter)
      // Views hold every statement twice, decoded and not.
      return parsePage(objectOf(await get(path(bucket, '/blocks'), json, 4 * limits.listBytesMax, { query })))
    },
    async block(bucket, block) {
      return parseView(objectOf(await get(part(bucket, block), json, limits.requestBytesMax)))
    },
    async entry(bucket, block) {
      return (await get(part(bucket, block, '/entry'), octets, limits.entryBytesMax)).body
    },
    async envelope(bucket, block) {
      return (await get(part(bucket, block, '/envelope'), octets, limits.envelopeBytesMax)).body
    },
    async receipt(bucket, block) {
      const read = () => get(part(bucket, block, '/receipt'), ['text/plain'], textBytesMax)
      return textIn(await whenFinal(read))
    },
    async evidence(bucket, block) {
      const read = () => get(part(bucket, block, '/evidence'), json, limits.evidenceBytesMax)
      return textIn(await whenFinal(read))
    },
    envelopes: (bucket, from, count) => streamEnvelopes(http, path(bucket, '/envelopes'), from, count),
    events: (bucket, asked) => followEvents(http, path(bucket, '/events'), asked),
    log: (bucket) => logReader(http, `/log/${encodeURIComponent(bucket)}`),
  }
}

/** A log under C2SP tlog-tiles at a path of a service: a ledger's, or a mirror's. */
function logReader(http: Http, prefix: string): LogReader {
  return {
    async checkpoint() {
      const asked = { path: `${prefix}/checkpoint`, accept: ['text/plain'], repeatable: true }
      return textIn(await http.ask({ ...asked, answerBytesMax: limits.noteBytesMax }))
    },
    async tile(name: TileName, signal?: AbortSignal) {
      const path = `${prefix}/${tilePath(name)}`
      const asked = { path, accept: octets, answerBytesMax: tileBytesMax(name), repeatable: true, signal }
      const { status, body } = await http.ask({ ...asked, mayBeMissing: true })
      return status === 404 ? undefined : body
    },
  }
}

/** The answer of an append as the ledger gave it, its members checked. Throws `malformed`. */
export function parseAppended(value: JsonObject): Appended {
  for (const name of ['bucket', 'hash', 'prevhash', 'time', 'checkpoint']) textMember(value[name], name)
  for (const name of ['index', 'size']) integerMember(value[name], name)
  if (typeof value['final'] !== 'boolean') throw new Refused('malformed', 'final is not a boolean')
  if (value['receipt'] !== undefined) textMember(value['receipt'], 'receipt')
  return value as Appended & JsonObject
}

/** The JSON object that an answer is. Throws `malformed`. */
export function objectOf({ body }: Answer): JsonObject {
  const value = parseJson(textOf(body, 'the answer'), 'the answer')
  if (!isObject(value)) throw new Refused('malformed', 'the answer is not an object')
  return value
}

async function postBlock(
  http: Http,
  path: string,
  record: Submission,
  options: PostOptions = {},
): Promise<Posted> {
  const { receipt, wait, traceparent, signal } = options
  const answer = await http.ask({
    method: 'POST',
    path,
    query: { receipt, wait },
    body: { mediaType: 'application/json', content: JSON.stringify(formatSubmission(record)) },
    headers: traceparent === undefined ? {} : { traceparent },
    accept: json,
    answerBytesMax: limits.requestBytesMax,
    repeatable: true,
    signal,
  })
  return { ...parseAppended(objectOf(answer)), created: answer.status === 201 }
}

async function postBatch(
  http: Http,
  path: string,
  records: readonly Submission[],
): Promise<readonly BatchResult[]> {
  const answer = await http.ask({
    method: 'POST',
    path,
    body: {
      mediaType: 'application/json',
      content: JSON.stringify({ records: records.map(formatSubmission) }),
    },
    accept: json,
    answerBytesMax: 2 * limits.batchBytesMax,
    repeatable: true,
  })
  const results = listMember(objectOf(answer)['results'], 'results').map(parseResult)
  if (results.length !== records.length) {
    throw new Refused('malformed', `${results.length} results for ${records.length} records`)
  }
  return results
}

function formatSubmission(record: Submission): JsonObject {
  return 'envelope' in record ? formatSealed(record) : { statement: record.statement.jws }
}

function parseResult(value: Json): BatchResult {
  if (!isObject(value)) throw new Refused('malformed', 'a result is not an object')
  const status = integerMember(value['status'], 'status')
  if (status === 200 || status === 201) return { ...parseAppended(value), status }
  return { status, code: textMember(value['code'], 'code'), detail: textMember(value['detail'], 'detail') }
}

function parseSummary(value: Json): BucketSummary {
  if (!isObject(value)) throw new Refused('malformed', 'a bucket is not an object')
  textMember(value['name'], 'name')
  textMember(value['origin'], 'origin')
  return value as BucketSummary
}

function parseDetail(value: JsonObject): BucketDetail {
  parseSummary(value)
  integerMember(value['size'], 'size')
  textMember(value['head'], 'head')
  for (const vkey of listMember(value['vkeys'], 'vkeys')) textMember(vkey, 'a vkey')
  if (value['final'] !== null) textMember(value['final'], 'final')
  return value as BucketDetail
}

function parsePage(value: JsonObject): BlockPage {
  textMember(value['bucket'], 'bucket')
  for (const name of ['size', 'complete']) integerMember(value[name], name)
  if (value['next'] !== undefined) integerMember(value['next'], 'next')
  const blocks = listMember(value['blocks'], 'blocks').map(parseView)
  return { ...(value as unknown as BlockPage), blocks }
}

function parseView(value: Json): BlockView {
  if (!isObject(value)) throw new Refused('malformed', 'a block is not an object')
  for (const name of ['bucket', 'hash', 'prevhash', 'time', 'sender', 'statement'])
    textMember(value[name], name)
  for (const name of ['index', 'keys']) integerMember(value[name], name)
  if (!isObject(value['payload'])) throw new Refused('malformed', 'payload is not an object')
  return value as BlockView
}

function formatFilter({ timeFrom, timeTo, meta, ...rest }: BlockFilter): NonNullable<Ask['query']> {
  const labels = Object.entries(meta ?? {}).map(([name, value]) => [`meta.${name}`, value])
  return { ...rest, time_from: timeFrom, time_to: timeTo, ...Object.fromEntries(labels) }
}

function textIn({ body }: Answer): string {
  return textOf(body, 'the answer')
}
