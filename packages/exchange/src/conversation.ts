// A ceremony over a connection: bytes in, events to `step`, bytes out. The other side's keys are taken up
// when they are proven, and only then does this side say its last word.
import type { Duplex } from 'node:stream'
import { Refused } from '@ledgerstone/core/refused'
import { type Ceremony, type CeremonyEvent, step } from './ceremony.ts'
import { Frames } from './frames.ts'
import { endStates } from './transitions.ts'

const messageTimeoutMs = 10_000

export type Conversation = {
  readonly stream: Duplex
  readonly ceremony: Ceremony
  readonly timeoutMs?: number
  /**
   * Takes up the other side's proven keys: on disk, or checked against the registry. What it throws ends the
   * ceremony.
   */
  readonly keep: (ceremony: Ceremony) => Promise<void>
  /** After each step. */
  readonly onStep?: (ceremony: Ceremony, traffic: Traffic) => void
}

/** Bytes of messages so far, frames included. */
export type Traffic = { readonly sent: number; readonly received: number }

/**
 * The ceremony in `awaiting` or at an end. Throws what `keep` throws when it is no refusal. Leaves the stream
 * open.
 */
export async function converse(conversation: Conversation): Promise<Ceremony> {
  const { stream, keep, timeoutMs = messageTimeoutMs, onStep } = conversation
  const frames = new Frames(stream)
  const traffic = { sent: 0, received: 0 }
  let { ceremony } = conversation
  let trouble: unknown

  const take = async (event: CeremonyEvent): Promise<void> => {
    const { ceremony: next, send } = await step(ceremony, event)
    if (event.type === 'message') traffic.received += event.bytes.length + 4
    ceremony = next
    if (send !== undefined) {
      traffic.sent += send.length + 4
      if (!(await frames.write(send)) && !endStates.includes(ceremony.state)) {
        ceremony = (await step(ceremony, { type: 'lost' })).ceremony
      }
    }
    onStep?.(ceremony, { ...traffic })
  }

  if (ceremony.role === 'client') await take({ type: 'connected' })
  while (ceremony.state !== 'awaiting' && !endStates.includes(ceremony.state)) {
    if (ceremony.state === 'proven') {
      const kept = await keepOrRefuse(keep, ceremony)
      trouble ??= kept.trouble
      await take(kept.event)
    } else await take(await nextEvent(frames, timeoutMs))
  }
  if (trouble !== undefined) throw trouble
  return ceremony
}

async function nextEvent(frames: Frames, timeoutMs: number): Promise<CeremonyEvent> {
  try {
    const bytes = await frames.next(timeoutMs)
    return bytes === undefined ? { type: 'lost' } : { type: 'message', bytes }
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal
    return { type: 'refuse', refusal }
  }
}

async function keepOrRefuse(
  keep: Conversation['keep'],
  ceremony: Ceremony,
): Promise<{ readonly event: CeremonyEvent; readonly trouble?: unknown }> {
  try {
    await keep(ceremony)
    return { event: { type: 'kept' } }
  } catch (error) {
    if (error instanceof Refused) return { event: { type: 'refuse', refusal: error } }
    // A disk that is full, say: the other side learns that it is over, not why.
    const refusal = new Refused('stopping', 'the keys could not be taken up here', { cause: error })
    return { event: { type: 'refuse', refusal }, trouble: error }
  }
}
