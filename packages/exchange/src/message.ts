/*
 * The messages of the ceremony.
 *
 *     frame     = u32 bytes of the message | message                  at most 65,536 bytes of message
 *     message   = u8 version (1) | u8 type | body
 *
 *     1 commit    32 commitment                                                                     client
 *     2 offer     32 nonce | keys                                                                   server
 *     3 reveal    32 nonce | keys | list of challenges                                              client
 *     4 proof     list of answers | list of challenges | list of signatures                         server
 *     5 answer    list of answers | list of registration proofs | list of signatures                client
 *     6 done                                                                                        server
 *     7 refusal   u16 n | code                                                                      both
 *
 *     list      = u8 count | each: u16 n | n bytes
 */
import { type Bytes, concat, equalBytes, Reader, textOf, utf8, Writer } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { type AnnouncedKey, announcedKeysMax, decodeKeys, encodeKeys } from './announced-key.ts'

export const messageBytesMax: number = limits.exchangeMessageBytesMax
export const nonceBytes = 32

export type Commit = { readonly type: 'commit'; readonly commitment: Bytes }
export type Offer = { readonly type: 'offer'; readonly nonce: Bytes; readonly keys: readonly AnnouncedKey[] }
/** One challenge for each receiving key of the server. */
export type Reveal = {
  readonly type: 'reveal'
  readonly nonce: Bytes
  readonly keys: readonly AnnouncedKey[]
  readonly challenges: readonly Bytes[]
}
/** One answer for each challenge of the client, one challenge for each receiving key of the client. */
export type Proof = {
  readonly type: 'proof'
  readonly answers: readonly Bytes[]
  readonly challenges: readonly Bytes[]
  readonly signatures: readonly Bytes[]
}
/**
 * `registrations`: for each key of the client, what its registration needs as proof; see
 * registration-proof.ts.
 */
export type Answer = {
  readonly type: 'answer'
  readonly answers: readonly Bytes[]
  readonly registrations: readonly Bytes[]
  readonly signatures: readonly Bytes[]
}
export type Done = { readonly type: 'done' }
/** `code`: the other side's word for why it ends here. Not part of the transcript. */
export type Refusal = { readonly type: 'refusal'; readonly code: string }

export type Message = Commit | Offer | Reveal | Proof | Answer | Done | Refusal
export type MessageType = Message['type']

const version = 1
const types: readonly MessageType[] = ['commit', 'offer', 'reveal', 'proof', 'answer', 'done', 'refusal']

/** A message without its signatures: what they cover of the message that carries them. */
export function encodeUnsigned(message: Message): Bytes {
  const writer = new Writer().uint8(version).uint8(types.indexOf(message.type) + 1)
  switch (message.type) {
    case 'commit':
      return writer.bytes(message.commitment).finish()
    case 'offer':
      return writer.bytes(message.nonce).bytes(encodeKeys(message.keys)).finish()
    case 'reveal':
      writer.bytes(message.nonce).bytes(encodeKeys(message.keys))
      return list(writer, message.challenges).finish()
    case 'proof':
      return list(list(writer, message.answers), message.challenges).finish()
    case 'answer':
      return list(list(writer, message.answers), message.registrations).finish()
    case 'done':
      return writer.finish()
    case 'refusal':
      return writer.bytes16(utf8(message.code)).finish()
  }
}

/** Throws RangeError for a message that no peer would take: a bug of ours. */
export function encodeMessage(message: Message): Bytes {
  const unsigned = encodeUnsigned(message)
  const bytes =
    'signatures' in message ? concat(unsigned, list(new Writer(), message.signatures).finish()) : unsigned
  if (bytes.length > messageBytesMax) throw new RangeError(`a ${message.type} of ${bytes.length} bytes`)
  return bytes
}

export function encodeFrame(message: Bytes): Bytes {
  return new Writer().uint32(message.length).bytes(message).finish()
}

/**
 * Strict: encodes again and compares. Throws `malformed`, `unknown-version`, `too-large`, and what the
 * announced keys are refused for.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length > messageBytesMax) throw new Refused('too-large', 'the message is too long')
  const reader = new Reader(bytes, 'the message')
  const found = reader.uint8()
  if (found !== version) throw new Refused('unknown-version', `the ceremony's version ${found} is not known`)
  const type = types[reader.uint8() - 1]
  if (type === undefined) throw new Refused('malformed', 'a message of a type that is not known')
  const message = decoders[type](reader)
  reader.finish()
  if (!equalBytes(encodeMessage(message), bytes)) {
    throw new Refused('malformed', `the ${type} is not spelled canonically`)
  }
  return message
}

const decoders: { readonly [T in MessageType]: (reader: Reader) => Message } = {
  commit: (reader) => ({ type: 'commit', commitment: reader.bytes(32) }),
  offer: (reader) => ({ type: 'offer', nonce: reader.bytes(nonceBytes), keys: decodeKeys(reader) }),
  reveal: (reader) => {
    const [nonce, keys] = [reader.bytes(nonceBytes), decodeKeys(reader)]
    return { type: 'reveal', nonce, keys, challenges: readList(reader) }
  },
  proof: (reader) => {
    const [answers, challenges] = [readList(reader), readList(reader)]
    return { type: 'proof', answers, challenges, signatures: readList(reader) }
  },
  answer: (reader) => {
    const [answers, registrations] = [readList(reader), readList(reader)]
    return { type: 'answer', answers, registrations, signatures: readList(reader) }
  },
  done: () => ({ type: 'done' }),
  refusal: (reader) => ({ type: 'refusal', code: printable(textOf(reader.bytes16(), 'the refusal')) }),
}

/** The other side's text goes to logs and terminals. */
function printable(code: string): string {
  if (!/^[a-z-]{1,64}$/.test(code)) throw new Refused('malformed', 'a refusal without a code')
  return code
}

function list(writer: Writer, items: readonly Bytes[]): Writer {
  writer.uint8(items.length)
  for (const item of items) writer.bytes16(item)
  return writer
}

function readList(reader: Reader): readonly Bytes[] {
  const count = reader.uint8()
  if (count > announcedKeysMax) throw new Refused('too-large', 'a list holds more than there can be keys')
  return Array.from({ length: count }, () => reader.bytes16())
}
