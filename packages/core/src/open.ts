/*
 * Opening starts from the statement. The article's receiving flow alone ("unwrap, check the key signature,
 * decrypt") is forgeable: a receiver can put another text under a sender's signed key. So the order here is
 * fixed: a block that was judged -> the digest of the whole envelope -> one owner behind `signer` and `kid`
 * -> unwrap -> key signature -> decrypt -> strict base64. No plaintext is released earlier, and whatever
 * fails has one code.
 */
import { publicOf, type Unwrap, unwrapperOf, verifierOf } from '#primitives'
import type { Block } from './block.ts'
import type { Bytes } from './bytes.ts'
import { checkCiphertext, checkContent, type Envelope } from './envelope.ts'
import { type JudgedStatement, judgeEnvelope } from './judge.ts'
import type { Labels } from './labels.ts'
import { Refused } from './refused.ts'
import type { Registry } from './registry.ts'
import { keyIdOf } from './spki.ts'
import { suiteNamed } from './suites.ts'

/** A record in clear, and who stands behind it. */
export type OpenedRecord = {
  readonly record: Bytes
  readonly labels: Labels
  readonly type: string
  readonly id: string
  /** Registered owner of the sender's keys. */
  readonly sender: string
}

/** A receiver's private key, parsed once. */
export type Opener = { readonly kid: string; readonly unwrap: Unwrap }

/** Throws `wrong-key` when the key is not an RSA private key. */
export async function openerOf(pkcs8: Uint8Array): Promise<Opener> {
  try {
    return { kid: keyIdOf(await publicOf(pkcs8)), unwrap: await unwrapperOf(pkcs8) }
  } catch (cause) {
    throw new Refused('wrong-key', 'not a private RSA key', { cause })
  }
}

/**
 * Opens the envelope of a judged block. Throws `cannot-open`, whatever the reason: a caller that could tell
 * the reasons apart would be an oracle. The `cause` is for the receiver's own eyes.
 */
export async function openRecord(
  block: Block,
  judged: JudgedStatement,
  envelope: Envelope,
  registry: Registry,
  opener: Opener,
): Promise<OpenedRecord> {
  const { payload } = judged.statement
  try {
    if (judged.statement.jws !== block.statement)
      throw new Refused('bad-link', 'the statement is of another block')
    if (payload.content === undefined) throw new Refused('wrong-digest', 'the block has no envelope')
    // The digest covers the header, and the header the ciphertext.
    checkContent(payload.content, envelope)
    checkCiphertext(envelope, envelope.ciphertext)
    judgeEnvelope(envelope, judged.key, block, registry)
    const record = await decrypt(envelope, registry, opener)
    return { record, labels: envelope.labels, type: payload.type, id: payload.id, sender: judged.key.owner }
  } catch (cause) {
    throw new Refused('cannot-open', 'the envelope cannot be opened with this key', { cause })
  }
}

async function decrypt(envelope: Envelope, registry: Registry, opener: Opener): Promise<Bytes> {
  const suite = suiteNamed(envelope.suite)
  const mine = envelope.receivers.find(({ kid }) => kid === opener.kid)
  if (suite.decrypt === undefined || mine === undefined)
    throw new Refused('wrong-key', 'not sealed for this key')
  const key = await opener.unwrap(mine.wrapped)
  if (key.length !== 32) throw new Refused('malformed', 'the content key does not have 32 bytes')
  const verifyKey = await verifierOf('RS256', registry.key(envelope.signer).spki)
  if (!(await verifyKey(key, envelope.keySignature)))
    throw new Refused('bad-signature', 'the key signature is wrong')
  return suite.decrypt(key, envelope.ciphertext)
}
