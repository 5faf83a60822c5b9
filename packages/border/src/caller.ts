import { Refused } from '@ledgerstone/core/refused'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Bearer, Caller } from './bearer.ts'
import { checkScope, type Verb } from './scope.ts'

type Hook = (request: FastifyRequest, reply: FastifyReply, next: HookHandlerDoneFunction) => void

// Beside the request rather than on it: no decorator to register, and no property that a route could
// overwrite.
const callers = new WeakMap<FastifyRequest, Caller>()

/**
 * An `onRequest` hook, so that no body is read for a caller who may not be heard: accepts the token and
 * remembers its caller. With `anonymous`, requests without any token pass; a token that is sent is always
 * checked.
 */
export function requireCaller(bearer: Bearer, options: { readonly anonymous?: boolean } = {}): Hook {
  return (request, reply, next) => {
    if (options.anonymous === true && request.headers.authorization === undefined) return next()
    const nonce = bearer.nonce()
    if (nonce !== undefined) reply.header('dpop-nonce', nonce)
    let caller: Caller | Promise<Caller>
    try {
      caller = bearer.accept(request)
    } catch (error) {
      return next(error as Error)
    }
    if (caller instanceof Promise) {
      caller.then((accepted) => {
        callers.set(request, accepted)
        next()
      }, next)
      return
    }
    callers.set(request, caller)
    next()
  }
}

/** The caller of a request. Throws `no-token` when there is none. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (caller === undefined) throw new Refused('no-token', 'this needs an access token')
  return caller
}

/**
 * The caller of a request, who must be covered for `verb` on `bucket`. Throws `no-token`,
 * `insufficient-scope`.
 */
export function callerFor(request: FastifyRequest, verb: Verb, bucket: string): Caller {
  const caller = callerOf(request)
  checkScope(caller.scopes, verb, bucket)
  return caller
}
