/*
 * What a caller wants sealed, out of a request. Either
 *
 *     content-type: application/json      {"type":"...", "record":<any JSON>, "meta"?:{...}, "id"?:"<uuid>"}
 *
 * where the record is the exact text of that value (1.10 is not 1.1), or
 *
 *     content-type: <any other>           ?type=...&id=<uuid>&meta=<JSON>          the body is the record
 */
import { type Bytes, textOf, utf8 } from '@ledgerstone/core/bytes'
import { membersOf, parseJson, textMember } from '@ledgerstone/core/canonical'
import { memberSources } from '@ledgerstone/core/json-source'
import { checkMedia, checkMeta, type Labels } from '@ledgerstone/core/labels'
import { checkTypeName, checkUuid, isReservedType } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'

export type SealRequest = {
  readonly type: string
  /** The caller's, which makes a retry safe. */
  readonly id: string | undefined
  readonly record: Bytes
  readonly media: string
  readonly meta: Labels['meta']
}

/** The query's members that say what is sealed; all others are none of this module's business. */
export type RecordQuery = {
  readonly type?: string | undefined
  readonly id?: string | undefined
  readonly meta?: string | undefined
}

/** Throws `malformed`, `unknown-field`, `bad-query`, `bad-name`, `reserved`, `wrong-media-type`. */
export function parseSealRequest(
  contentType: string | undefined,
  body: unknown,
  query: RecordQuery,
): SealRequest {
  const media = mediaOf(contentType)
  if (!(body instanceof Uint8Array) || body.length === 0) {
    throw new Refused('malformed', 'there is no record: the body is empty')
  }
  const bytes: Bytes = new Uint8Array(body)
  return media === 'application/json' ? fromJson(bytes, query) : fromBytes(bytes, media, query)
}

function fromJson(body: Bytes, query: RecordQuery): SealRequest {
  for (const name of ['type', 'id', 'meta'] as const) {
    if (query[name] !== undefined) {
      throw new Refused('bad-query', `with application/json, "${name}" is a member of the body`)
    }
  }
  const text = textOf(body, 'the request')
  if (!/^[ \t\n\r]*\{/.test(text)) throw new Refused('malformed', 'the request is not a JSON object')
  const sources = memberSources(text, 'the request')
  membersOf(
    Object.fromEntries([...sources.keys()].map((name) => [name, null])),
    'the request',
    required,
    optional,
  )
  const value = (name: string): unknown => {
    const source = sources.get(name)
    return source === undefined ? undefined : parseJson(source, name)
  }
  return {
    ...parseMembers(textMember(value('type'), 'type'), value('id'), value('meta')),
    record: utf8(sources.get('record') ?? ''),
    media: 'application/json',
  }
}

const required = ['type', 'record']
const optional = ['meta', 'id']

function fromBytes(record: Bytes, media: string, { type, id, meta }: RecordQuery): SealRequest {
  if (type === undefined) {
    throw new Refused('bad-query', `with ${media}, the type is asked for in the query: ?type=...`)
  }
  const labels = meta === undefined ? undefined : parseJson(meta, 'meta')
  return { ...parseMembers(type, id, labels), record, media }
}

function parseMembers(type: string, id: unknown, meta: unknown): Pick<SealRequest, 'type' | 'id' | 'meta'> {
  if (isReservedType(checkTypeName(type))) throw new Refused('reserved', `${type} is a reserved type`)
  return {
    type,
    id: id === undefined ? undefined : checkUuid(textMember(id, 'id'), 'id'),
    meta: meta === undefined ? undefined : checkMeta(meta),
  }
}

/** The media type without its parameters, which labels have no place for. */
function mediaOf(contentType: string | undefined): string {
  const media = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (media === '') throw new Refused('wrong-media-type', 'the request does not say what media type it is')
  if (media === 'multipart/form-data' || media === 'application/x-www-form-urlencoded') {
    throw new Refused('wrong-media-type', `${media} is not taken; send application/json`)
  }
  return checkMedia(media)
}
