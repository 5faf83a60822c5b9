/*
 * How a receiving key, which does not sign, proves that somebody holds its private half.
 *
 *     challenge = RSAES-OAEP(SHA-512, MGF1 SHA-512) of "ledgerstone challenge v1" | 32 random bytes
 *     answer    = HMAC-SHA-256(the random bytes, bound)                    bound: transcript.ts
 *
 * The answer is never what was decrypted: a peer could else have content keys of records opened by asking.
 */
import { type Bytes, concat, equalBytes, utf8 } from '@ledgerstone/core/bytes'
import { hmacSha256, type unwrapperOf, wrapperOf } from '@ledgerstone/core/primitives/node'
import { Refused } from '@ledgerstone/core/refused'

export const secretBytes = 32

/** Decrypts with a private key; throws anything when it cannot. */
export type Unwrap = ReturnType<typeof unwrapperOf>

const label = utf8('ledgerstone challenge v1')

/** Throws `wrong-key` when the key cannot be encrypted to. */
export async function challengeTo(spki: Bytes, secret: Bytes): Promise<Bytes> {
  try {
    return await wrapperOf(spki)(concat(label, secret))
  } catch (cause) {
    throw new Refused('wrong-key', 'a receiving key that cannot be encrypted to', { cause })
  }
}

/**
 * Throws `bad-ceremony`, the same for every cause: what decrypts to something else is no business of the
 * peer's.
 */
export async function answerTo(challenge: Bytes, unwrap: Unwrap, context: Bytes): Promise<Bytes> {
  const plain = await Promise.try(unwrap, challenge).catch(() => undefined)
  const isChallenge =
    plain !== undefined &&
    plain.length === label.length + secretBytes &&
    equalBytes(plain.subarray(0, label.length), label)
  if (!isChallenge) throw new Refused('bad-ceremony', 'a challenge that is none')
  return hmacSha256(plain.subarray(label.length), context)
}

/** Throws `bad-ceremony`. */
export function checkAnswer(answer: Bytes, secret: Bytes, context: Bytes): void {
  if (!equalBytes(answer, hmacSha256(secret, context))) {
    throw new Refused('bad-ceremony', 'a receiving key did not answer its challenge')
  }
}
