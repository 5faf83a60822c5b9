/// <reference lib="webworker" />
// The worker's end of messages.ts.

import { proofChannel } from './channel.ts'
import { openDatabase } from './database.ts'
import { errorOf, type Question, type TokenAnswer, viewError } from './messages.ts'
import { Prover } from './prover.ts'

declare const self: DedicatedWorkerGlobalScope

const asked = new Map<number, PromiseWithResolvers<string>>()
let tokens = 0

/** Asks the page, which holds the session. */
function token(rejected?: string): Promise<string> {
  const answer = Promise.withResolvers<string>()
  asked.set(++tokens, answer)
  self.postMessage({ token: tokens, ...(rejected !== undefined && { rejected }) })
  return answer.promise
}

const channel = proofChannel()
const database = await openDatabase().catch(() => undefined)
const prover = new Prover({ token, database, now: Date.now, tell: (news) => channel.postMessage(news) })
// Another tab has dismissed an alarm: what this one holds against the ledger is forgotten there.
channel.addEventListener('message', ({ data }) => {
  if (data === 'dismissed') prover.forget()
})

self.addEventListener('message', async ({ data }: MessageEvent<Question | TokenAnswer>) => {
  if ('token' in data) {
    const waiting = asked.get(data.token)
    asked.delete(data.token)
    if ('value' in data) waiting?.resolve(data.value)
    else waiting?.reject(errorOf(data.error))
    return
  }
  const { id, name, input } = data
  try {
    self.postMessage({ id, value: await prover.answer(name, input) })
  } catch (error) {
    self.postMessage({ id, error: viewError(error) })
  }
})
self.postMessage({ id: 0, value: database !== undefined })
