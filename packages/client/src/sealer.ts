// The sealer's interface: for callers that hand over their records in clear and leave the cryptography to it.
import { type Bytes, textOf } from '@ledgerstone/core/bytes'
import { textMember } from '@ledgerstone/core/canonical'
import type { MetaValue } from '@ledgerstone/core/labels'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { liveId } from '@ledgerstone/core/uuid'
import { objectOf, type Posted, parseAppended } from './api.ts'
import { type Ask, type HttpOptions, httpOf } from './http.ts'

export type RecordToSeal = {
  readonly type: string
  /** Exactly these bytes are sealed. */
  readonly record: Bytes
  /** RFC 6838; the record is JSON when it is absent. */
  readonly media?: string
  /** Small labels, in clear in the log. */
  readonly meta?: Readonly<Record<string, MetaValue>>
  /** A UUID of the caller's. With one of his own he can ask again, whatever became of his process. */
  readonly id?: string
}

/** `id` is that of the record; `retrySafe` says that the caller gave it. */
export type SealedPost = Posted & { readonly id: string; readonly retrySafe: boolean }

export type SealerApi = {
  seal(bucket: string, record: RecordToSeal): Promise<SealedPost>
}

export type SealerOptions = HttpOptions & {
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** `options.url` is where the sealer is; its tokens are for the sealer and need `append:{b}`. */
export function sealerApi(options: SealerOptions): SealerApi {
  const http = httpOf(options)
  return {
    async seal(bucket, record) {
      // Without an id, asking again after a failure could append the record twice.
      const identified = { ...record, id: record.id ?? liveId(options.now()) }
      const answer = await http.ask({
        method: 'POST',
        path: `/v1/seal/${encodeURIComponent(bucket)}`,
        ...requestOf(identified),
        accept: ['application/json'],
        answerBytesMax: limits.requestBytesMax,
        repeatable: true,
      })
      const value = objectOf(answer)
      const id = textMember(value['id'], 'id')
      return { ...parseAppended(value), id, retrySafe: true, created: answer.status === 201 }
    },
  }
}

/** JSON goes inside a JSON request, as the bytes that it is; anything else is the body itself. */
function requestOf({
  type,
  record,
  media = 'application/json',
  meta,
  id,
}: RecordToSeal): Pick<Ask, 'body' | 'query'> {
  if (media !== 'application/json') {
    const query = { type, id, meta: meta === undefined ? undefined : JSON.stringify(meta) }
    return { query, body: { mediaType: media, content: record } }
  }
  const source = textOf(record, 'the record')
  try {
    JSON.parse(source)
  } catch (cause) {
    throw new Refused('malformed', 'the record is not JSON', { cause })
  }
  const members = JSON.stringify({
    type,
    ...(meta !== undefined && { meta }),
    ...(id !== undefined && { id }),
  })
  return { body: { mediaType: 'application/json', content: `${members.slice(0, -1)},"record":${source}}` } }
}
