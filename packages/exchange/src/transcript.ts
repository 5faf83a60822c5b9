/*
 * What has been said so far, in one spelling, and what is made of it.
 *
 *     part       = u32 n | n bytes
 *     commitment = SHA-256(part("ledgerstone ceremony v1 commitment") | part(nonce) | part(keys))
 *     signed     = part("ledgerstone ceremony v1 signature") | part(role) | part(exchange id)
 *                | part(exporter) | part(message 1) ... part(the last message before)
 *                | part(this message without its signatures)
 *     bound      = SHA-256(part("ledgerstone ceremony v1 challenge") | part(role) | part(exchange id)
 *                | part(exporter) | part(message 1) ... part(message 3))
 *     string     = part(message 1) | part(message 2) | part(nonce and keys of message 3)
 *
 * role is of the side that signs or answers: "client" or "server"; exporter the 32 bytes of RFC 9266.
 */
import { type Bytes, utf8, Writer } from '@ledgerstone/core/bytes'
import { sha256 } from '@ledgerstone/core/primitives/node'
import { type AnnouncedKey, encodeKeys } from './announced-key.ts'

export type Role = 'client' | 'server'

/** What one exchange is about: nothing that was said in another one fits it. */
export type Binding = {
  readonly exchange: string
  /** `exportKeyingMaterial(32, 'EXPORTER-Channel-Binding')` of the TLS connection, RFC 9266. */
  readonly exporter: Bytes
}

const label = 'ledgerstone ceremony v1'

export function commitmentOf(nonce: Bytes, keys: readonly AnnouncedKey[]): Bytes {
  return sha256(parts(utf8(`${label} commitment`), nonce, encodeKeys(keys)))
}

/**
 * What a signing key signs. `messages`: all before; `unsigned`: the message that carries the signature, less
 * those.
 */
export function signatureInput(
  role: Role,
  { exchange, exporter }: Binding,
  messages: readonly Bytes[],
  unsigned: Bytes,
): Bytes {
  return parts(utf8(`${label} signature`), utf8(role), utf8(exchange), exporter, ...messages, unsigned)
}

/** What an answer is bound to: `role` is of the side that answers, `messages` are the first three. */
export function challengeContext(
  role: Role,
  { exchange, exporter }: Binding,
  messages: readonly Bytes[],
): Bytes {
  return sha256(
    parts(utf8(`${label} challenge`), utf8(role), utf8(exchange), exporter, ...messages.slice(0, 3)),
  )
}

/**
 * What the short string is made of. Of message 3 only what the client committed to in message 1: it chooses
 * the challenges after it has seen message 2, and could try others until the string suits it.
 */
export function stringInput(commit: Bytes, offer: Bytes, nonce: Bytes, keys: readonly AnnouncedKey[]): Bytes {
  return parts(commit, offer, new Writer().bytes(nonce).bytes(encodeKeys(keys)).finish())
}

function parts(...all: readonly Uint8Array[]): Bytes {
  const writer = new Writer()
  for (const part of all) writer.uint32(part.length).bytes(part)
  return writer.finish()
}
