import { allows } from './clients.ts'

/**
 * What a person may do of what a client asks for: the same, or, of a wildcard such as `read:*`, those buckets
 * that are the person's own. A page asks before it can know who will sign in.
 */
export function narrow(asked: readonly string[], personal: readonly string[]): readonly string[] {
  const narrowed = asked.flatMap((scope) =>
    allows(personal, scope) ? [scope] : personal.filter((own) => isWildcard(scope) && allows([scope], own)),
  )
  return [...new Set(narrowed)]
}

function isWildcard(scope: string): boolean {
  return scope.endsWith(':*')
}
