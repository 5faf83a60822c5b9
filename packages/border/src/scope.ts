import { isReservedBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'

/** `append:payments`, `read:*`, `manage:keys`: verb, colon, bucket or area. */
export type Verb = 'append' | 'read' | 'manage'

/**
 * Whether scopes of a token allow `verb` on a bucket (or, for `manage`, on an area such as `exchanges`).
 *
 * `append:*` and `read:*` never cover reserved buckets (`keys`, `ledgerstone-*`): whoever may write payments
 * must not thereby register keys. Appending to a reserved bucket needs `manage:{bucket}`, reading it
 * `read:{bucket}` or `manage:{bucket}`, literally. There is no `manage:*`. A lane or successor (`payments~2`)
 * counts as its bucket.
 */
export function covers(scopes: ReadonlySet<string>, verb: Verb, bucket: string): boolean {
  const name = bucket.includes('~') ? bucket.replace(/~[0-9]+$/, '') : bucket
  if (verb === 'manage') return scopes.has(`manage:${name}`)
  if (isReservedBucket(name)) {
    return scopes.has(`manage:${name}`) || (verb === 'read' && scopes.has(`read:${name}`))
  }
  return scopes.has(`${verb}:*`) || scopes.has(`${verb}:${name}`)
}

/** Throws `insufficient-scope`, naming the scope that would have done. */
export function checkScope(scopes: ReadonlySet<string>, verb: Verb, bucket: string): void {
  if (covers(scopes, verb, bucket)) return
  const needed = verb === 'append' && isReservedBucket(bucket) ? `manage:${bucket}` : `${verb}:${bucket}`
  throw new Refused('insufficient-scope', `this needs the scope ${needed}`)
}
