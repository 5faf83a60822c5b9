// Cosignatures of C2SP tlog-cosignature: the cosigner has checked that the head follows from all heads it saw
// before.
//
//     note signature            u64 time | signature                            time: seconds since 1970
//     Ed25519 signs             "cosignature/v1\ntime <seconds>\n" | note text
//     ML-DSA-44 signs           "subtree/v1\n\0" | u8 n | key name | u64 time | u8 n | origin
//                               | u64 start = 0 | u64 size | 32 root
//
// A log that signs its own checkpoint with ML-DSA-44 uses the same form under its origin's name. The time is
// never zero here: zero says nothing about the head being the newest.
import type { Sign } from '#primitives'
import type { Bytes } from './bytes.ts'
import { concat, Reader, utf8, Writer } from './bytes.ts'
import type { NoteSignature } from './note.ts'
import { isSignatureOf } from './note.ts'
import { Refused } from './refused.ts'
import type { Head } from './tree.ts'
import type { Vkey } from './vkey.ts'
import { verifierOfVkey } from './vkey.ts'

/** What is cosigned: the text of a checkpoint's note and what it says. */
export type CheckpointBody = { readonly origin: string; readonly head: Head; readonly text: string }

/** A private key behind a verifier key. */
export type NoteSigner = { readonly vkey: Vkey; readonly sign: Sign }

/** The bytes that a cosigner signs. `seconds` since 1970. */
export function cosignedMessage(body: CheckpointBody, vkey: Vkey, seconds: number): Bytes {
  if (vkey.type === 'note') throw new TypeError(`${vkey.name} is not a cosigner's key`)
  if (vkey.type === 'cosignature') return utf8(`cosignature/v1\ntime ${seconds}\n${body.text}`)
  const name = utf8(vkey.name)
  const origin = utf8(body.origin)
  const message = new Writer().bytes(utf8('subtree/v1\n\0')).uint8(name.length).bytes(name).uint64(seconds)
  return message
    .uint8(origin.length)
    .bytes(origin)
    .uint64(0)
    .uint64(body.head.size)
    .bytes(body.head.root)
    .finish()
}

/** Signs what the caller has found consistent. `seconds` since 1970, not zero. */
export async function signCosignature(
  body: CheckpointBody,
  { vkey, sign }: NoteSigner,
  seconds: number,
): Promise<NoteSignature> {
  if (!Number.isSafeInteger(seconds) || seconds <= 0)
    throw new RangeError(`${seconds} is not a time of a cosignature`)
  const signature = await sign(cosignedMessage(body, vkey, seconds))
  return { name: vkey.name, id: vkey.id, signature: concat(new Writer().uint64(seconds).finish(), signature) }
}

/**
 * The time of a cosignature, in seconds since 1970, when it is the key's and valid. Throws `bad-signature`.
 */
export async function verifyCosignature(
  body: CheckpointBody,
  vkey: Vkey,
  line: NoteSignature,
): Promise<number> {
  const bytes = vkey.type === 'mldsa' ? 2420 : 64
  if (!isSignatureOf(vkey, line) || line.signature.length !== 8 + bytes) throw badSignature(vkey)
  const reader = new Reader(line.signature, `the cosignature of ${vkey.name}`)
  const seconds = reader.uint64()
  if (seconds === 0) throw badSignature(vkey)
  const verify = await verifierOfVkey(vkey)
  if (!(await verify(cosignedMessage(body, vkey, seconds), reader.bytes(bytes)))) throw badSignature(vkey)
  return seconds
}

function badSignature(vkey: Vkey): Refused {
  return new Refused('bad-signature', `the cosignature of ${vkey.name} is not valid`)
}
