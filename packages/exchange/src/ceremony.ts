// The ceremony, without a connection, a clock or a file: `step(ceremony, event)` gives the ceremony after the
// event, and the message to send. transitions.ts says what may follow what, this file what each step computes
// and checks.
import { type Bytes, equalBytes } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'
import { type Assurance, statementVerifierOf } from '@ledgerstone/core/registration'
import { type AnnouncedKey, receivingKeys, signingKeys, sortKeys } from './announced-key.ts'
import { answerTo, challengeTo, checkAnswer } from './challenge.ts'
import {
  type Answer,
  type Commit,
  decodeMessage,
  encodeMessage,
  encodeUnsigned,
  type Message,
  type Offer,
  type Proof,
  type Reveal,
} from './message.ts'
import { type ProvingKey, provenRegistration, proveRegistration } from './own-key.ts'
import { shortString } from './sas.ts'
import {
  type Binding,
  challengeContext,
  commitmentOf,
  type Role,
  signatureInput,
  stringInput,
} from './transcript.ts'
import { type EventName, endStates, type StateName, type Transition, transitionOf } from './transitions.ts'

/** What one side brings to it. What is random comes from outside, and serves one ceremony only. */
export type Setting = {
  readonly role: Role
  readonly binding: Binding
  /**
   * Of the bucket `keys`, for which registrations are proven. The client takes it from its own trust file.
   */
  readonly origin: string
  readonly keys: readonly ProvingKey[]
  /** 32 random bytes. */
  readonly nonce: Bytes
  /** 32 random bytes for each key that the other side may announce: eight. */
  readonly secrets: readonly Bytes[]
  /** What the other side's keys must claim. */
  readonly expected?: { readonly owner?: string; readonly assurance?: Assurance }
}

export type Ceremony = Setting & {
  readonly state: StateName
  /** Messages 1 to 5, both sides', as sent. */
  readonly messages: readonly Bytes[]
  /** The other side's, in the order of its announcement. Proven from the state `proven` on. */
  readonly peerKeys: readonly AnnouncedKey[]
  /** At the server, from `proven` on: what is registered, one for each of the client's keys. */
  readonly registrations: readonly JsonObject[]
  readonly commitment?: Bytes
  /** What people compare; there from message 3 on. */
  readonly string?: string
  /** `by`: whose decision it was. */
  readonly refusal?: { readonly by: 'us' | 'them'; readonly code: string; readonly detail: string }
}

export type CeremonyEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  | { readonly type: 'kept' }
  | { readonly type: 'confirm'; readonly string?: string }
  | { readonly type: 'refuse'; readonly refusal: Refused }
  | { readonly type: 'lost' }

export type Step = { readonly ceremony: Ceremony; readonly send?: Bytes }

/** Throws `wrong-key` when there are no keys, too many, or keys of several owners. */
export function beginCeremony(setting: Setting): Ceremony {
  const keys = sortKeys(setting.keys)
  checkOneOwner(keys)
  return { ...setting, keys, state: 'ready', messages: [], peerKeys: [], registrations: [] }
}

/**
 * Never throws for what the other side does: that ends in `refused`. Throws for a local event out of turn.
 */
export async function step(ceremony: Ceremony, event: CeremonyEvent): Promise<Step> {
  if (endStates.includes(ceremony.state)) return { ceremony }
  let message: Message | undefined
  try {
    message = event.type === 'message' ? decodeMessage(event.bytes) : undefined
    const row = rowFor(ceremony, message?.type ?? (event.type as Exclude<typeof event.type, 'message'>))
    if (row.event === 'unexpected') {
      throw new Refused('bad-ceremony', `a ${message?.type} in the state ${ceremony.state}`)
    }
    return await follow(ceremony, row, event, message)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return refuse(ceremony, error)
  }
}

function rowFor({ role, state }: Ceremony, event: EventName): Transition {
  const row = transitionOf(role, state, event)
  if (row !== undefined) return row
  const unexpected = isMessage(event) ? transitionOf(role, state, 'unexpected') : undefined
  if (unexpected === undefined) throw new Error(`the ${role} takes no ${event} in the state ${state}`)
  return unexpected
}

function isMessage(event: EventName): boolean {
  return !['connected', 'kept', 'confirm', 'refuse', 'lost'].includes(event)
}

/** One row of the table: what is heard, what is checked, what is sent. */
async function follow(
  before: Ceremony,
  row: Transition,
  event: CeremonyEvent,
  message: Message | undefined,
): Promise<Step> {
  if (event.type === 'refuse') return refuse(before, event.refusal)
  if (message?.type === 'refusal') return ended(before, row, message.code)
  const checked = await check(before, event, message)
  const heard = { ...checked, messages: [...checked.messages, ...bytesOf(event)] }
  const after = { ...heard, state: row.to }
  if (row.sends === undefined) return { ceremony: after }
  const reply = await compose(heard, row.sends, message)
  const send = encodeMessage(reply)
  const said = { ...after, messages: [...after.messages, send] }
  const third = message?.type === 'reveal' || reply.type === 'reveal'
  return { ceremony: third ? withString(said) : said, send }
}

function bytesOf(event: CeremonyEvent): readonly Bytes[] {
  return event.type === 'message' ? [new Uint8Array(event.bytes)] : []
}

async function check(
  before: Ceremony,
  event: CeremonyEvent,
  message: Message | undefined,
): Promise<Ceremony> {
  if (event.type === 'confirm') return checkString(before, event.string)
  switch (message?.type) {
    case 'commit':
      return { ...before, commitment: message.commitment }
    case 'offer':
      return withPeer(before, message)
    case 'reveal':
      return checkReveal(before, message)
    case 'proof':
      return checkProofs(before, message)
    case 'answer':
      return checkProofs(await checkRegistrations(before, message), message)
    default:
      return before
  }
}

/** The message of a type, in answer to another. */
async function compose(ceremony: Ceremony, type: Message['type'], to: Message | undefined): Promise<Message> {
  const { nonce, keys } = ceremony
  switch (type) {
    case 'commit':
      return { type, commitment: commitmentOf(nonce, keys) } satisfies Commit
    case 'offer':
      return { type, nonce, keys } satisfies Offer
    case 'reveal':
      return { type, nonce, keys, challenges: await challengesOf(ceremony) } satisfies Reveal
    case 'proof': {
      const answers = await answersTo(ceremony, (to as Reveal).challenges)
      return signed(ceremony, { type, answers, challenges: await challengesOf(ceremony), signatures: [] })
    }
    case 'answer': {
      const answers = await answersTo(
        ceremony,
        (decodeMessage(ceremony.messages[3] as Bytes) as Proof).challenges,
      )
      const registrations: Bytes[] = []
      for (const key of keys) registrations.push(await proveRegistration(key, ceremony.origin))
      return signed(ceremony, { type, answers, registrations, signatures: [] })
    }
    case 'done':
      return { type }
    case 'refusal':
      throw new Error('refusals are composed by refuse()')
  }
}

function refuse(ceremony: Ceremony, { code, message: detail }: Refused): Step {
  const refused: Ceremony = { ...ceremony, state: 'refused', refusal: { by: 'us', code, detail } }
  return { ceremony: refused, send: encodeMessage({ type: 'refusal', code }) }
}

function ended(ceremony: Ceremony, row: Transition, code: string): Step {
  const detail = `the other side ended it: ${code}`
  return { ceremony: { ...ceremony, state: row.to, refusal: { by: 'them', code, detail } } }
}

function withPeer(before: Ceremony, { keys }: Offer | Reveal): Ceremony {
  checkOneOwner(keys)
  const own = new Set(before.keys.map(({ kid }) => kid))
  if (keys.some(({ kid }) => own.has(kid))) throw new Refused('wrong-key', 'a key of ours is announced to us')
  const { owner, assurance } = before.expected ?? {}
  if (
    keys.some((key) => (owner ?? key.owner) !== key.owner || (assurance ?? key.assurance) !== key.assurance)
  ) {
    throw new Refused('wrong-key', 'a key is announced for another owner or assurance than asked for')
  }
  return { ...before, peerKeys: keys }
}

function checkReveal(before: Ceremony, message: Reveal): Ceremony {
  const committed = before.commitment as Bytes
  if (!equalBytes(commitmentOf(message.nonce, message.keys), committed)) {
    throw new Refused('bad-ceremony', 'the client reveals something else than it committed to')
  }
  return withPeer(before, message)
}

/**
 * The string is the same function of the same bytes on both sides; read out of the messages for that reason.
 */
function withString(ceremony: Ceremony): Ceremony {
  const [commit, offer, third] = ceremony.messages as [Bytes, Bytes, Bytes]
  const { nonce, keys } = decodeMessage(third) as Reveal
  const string = shortString(ceremony.binding.exporter, stringInput(commit, offer, nonce, keys))
  return { ...ceremony, string }
}

function checkString(before: Ceremony, typed: string | undefined): Ceremony {
  if (typed !== undefined && typed !== before.string) {
    throw new Refused('wrong-string', 'the other side shows another short string')
  }
  return before
}

/** The other side's receiving keys have answered, and its signing keys have signed everything up to here. */
async function checkProofs(before: Ceremony, message: Proof | Answer): Promise<Ceremony> {
  const { binding, messages, peerKeys, secrets } = before
  const peer: Role = before.role === 'client' ? 'server' : 'client'
  const receiving = receivingKeys(peerKeys)
  const signing = signingKeys(peerKeys)
  if (message.answers.length !== receiving.length || message.signatures.length !== signing.length) {
    throw new Refused('bad-ceremony', 'not one proof for each key')
  }
  const context = challengeContext(peer, binding, messages)
  message.answers.forEach((answer, i) => {
    checkAnswer(answer, secrets[i] as Bytes, context)
  })
  const input = signatureInput(peer, binding, messages, encodeUnsigned(message))
  for (const [i, key] of signing.entries()) {
    const verify = await statementVerifierOf(key.spki, key.kind)
    if (!(await verify(input, message.signatures[i] as Bytes))) {
      throw new Refused('bad-signature', `key ${key.kid} did not sign the ceremony`)
    }
  }
  return before
}

async function checkRegistrations(before: Ceremony, { registrations }: Answer): Promise<Ceremony> {
  const { peerKeys, origin, binding } = before
  if (registrations.length !== peerKeys.length) {
    throw new Refused('bad-ceremony', 'not one registration proof for each key')
  }
  const bodies: JsonObject[] = []
  for (const [i, key] of peerKeys.entries()) {
    const where = { origin, exchange: binding.exchange }
    bodies.push(await provenRegistration(key, registrations[i] as Bytes, where))
  }
  return { ...before, registrations: bodies }
}

async function challengesOf({ peerKeys, secrets }: Ceremony): Promise<readonly Bytes[]> {
  return Promise.all(receivingKeys(peerKeys).map(({ spki }, i) => challengeTo(spki, secrets[i] as Bytes)))
}

async function answersTo(ceremony: Ceremony, challenges: readonly Bytes[]): Promise<readonly Bytes[]> {
  const { role, binding, messages, keys } = ceremony
  const receiving = receivingKeys(keys)
  if (challenges.length !== receiving.length) {
    throw new Refused('bad-ceremony', 'not one challenge for each receiving key')
  }
  const context = challengeContext(role, binding, messages)
  const unwrappers = receiving.map(({ unwrap }) => unwrap).filter((unwrap) => unwrap !== undefined)
  return Promise.all(unwrappers.map((unwrap, i) => answerTo(challenges[i] as Bytes, unwrap, context)))
}

async function signed<T extends Proof | Answer>(ceremony: Ceremony, message: T): Promise<T> {
  const { role, binding, messages, keys } = ceremony
  const input = signatureInput(role, binding, messages, encodeUnsigned(message))
  const signatures: Bytes[] = []
  for (const { signer } of signingKeys(keys))
    if (signer !== undefined) signatures.push(await signer.sign(input))
  return { ...message, signatures }
}

function checkOneOwner(keys: readonly AnnouncedKey[]): void {
  if (new Set(keys.map(({ owner }) => owner)).size !== 1) {
    throw new Refused('wrong-key', 'a side announces keys of one owner')
  }
}
