import { readFileSync } from 'node:fs'
import { Refused } from '@ledgerstone/core/refused'
import { type CommonOptions, connect } from '../connect.ts'
import { outputOf } from '../output.ts'

export type PushOptions = CommonOptions & {
  readonly type: string
  readonly id?: string
  readonly media: string
  readonly meta?: readonly string[]
}

export async function pushRecord(
  bucket: string,
  file: string | undefined,
  options: PushOptions,
): Promise<void> {
  const { type, id, media, meta } = options
  const record = new Uint8Array(readFileSync(file === undefined || file === '-' ? 0 : file))
  const { sealer } = connect(options, `append:${bucket}`)
  const pushed = await sealer.seal(bucket, {
    type,
    record,
    media,
    ...(id !== undefined && { id }),
    ...(meta !== undefined && { meta: parseMeta(meta) }),
  })
  const { index, hash, created } = pushed
  const what = created ? 'appended' : 'was there already'
  outputOf(options).result(pushed, `${bucket} ${index} ${what}\nhash  ${hash}\nid    ${pushed.id}`)
}

/** `name=value` pairs. Throws `bad-query`. */
export function parseMeta(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new Refused('bad-query', `${JSON.stringify(pair)} is not name=value`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
