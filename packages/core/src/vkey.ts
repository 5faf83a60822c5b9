// Verifier keys of C2SP signed-note, and the key identifiers that their signatures carry.
//
//     <key name>+<8 hex digits of the key ID>+<base64 of: type byte | public key>
//     key ID = SHA-256(key name | 0x0A | type byte | public key), first 4 bytes
import type { Verify } from '#primitives'
import { sha256, verifierOf } from '#primitives'
import type { Bytes } from './bytes.ts'
import { concat, formatBase64, parseBase64, utf8 } from './bytes.ts'
import { Refused } from './refused.ts'
import { rawOf, spkiOf } from './spki.ts'

/**
 * What a key signs: `note` the note's text (Ed25519, type 0x01), `cosignature` the checkpoint with a time
 * (Ed25519, 0x04), `mldsa` the same with ML-DSA-44 (0x06), which logs use too.
 */
export type VkeyType = 'note' | 'cosignature' | 'mldsa'

export type Vkey = {
  readonly name: string
  readonly type: VkeyType
  /** The first four bytes of a hash, as an unsigned big-endian integer. Not unique, not a fingerprint. */
  readonly id: number
  /** As in the vkey: 32 bytes for Ed25519, 1312 for ML-DSA-44. */
  readonly publicKey: Bytes
  readonly text: string
}

const types = {
  note: { byte: 0x01, algorithm: 'Ed25519', keyBytes: 32 },
  cosignature: { byte: 0x04, algorithm: 'Ed25519', keyBytes: 32 },
  mldsa: { byte: 0x06, algorithm: 'ML-DSA-44', keyBytes: 1312 },
} as const

const keyNameBytesMax = 255

/**
 * Strict: the key ID must be the key's own, and the text the only spelling. Throws `malformed`, `wrong-key`.
 */
export function parseVkey(text: string): Vkey {
  const [name, key] = splitVkey(text)
  checkKeyName(name)
  const typed = parseBase64(key, 'the key of a vkey')
  const byte = typed[0]
  const publicKey = typed.slice(1)
  const type = (Object.keys(types) as VkeyType[]).find((candidate) => types[candidate].byte === byte)
  if (type === undefined) throw new Refused('wrong-key', `the vkey of ${name} has the unknown type ${byte}`)
  if (publicKey.length !== types[type].keyBytes) {
    throw new Refused('malformed', `the vkey of ${name} has a key of ${publicKey.length} bytes`)
  }
  const vkey = build(name, type, publicKey)
  if (vkey.text !== text)
    throw new Refused('malformed', `the vkey of ${name} has another key's ID or spelling`)
  return vkey
}

/**
 * The verifier key of a public key given as SubjectPublicKeyInfo. Throws `wrong-key` for a key of another
 * algorithm.
 */
export function vkeyOf(name: string, type: VkeyType, spki: Uint8Array): Vkey {
  return build(checkKeyName(name), type, rawOf(types[type].algorithm, spki))
}

/**
 * Key names of C2SP signed-note: not empty, no Unicode space, no plus; here at most 255 bytes
 * (tlog-cosignature).
 */
export function checkKeyName(name: string): string {
  const isSound = name !== '' && name.isWellFormed() && !/[\p{White_Space}\p{Cc}+]/u.test(name)
  if (!isSound || utf8(name).length > keyNameBytesMax)
    throw new Refused('malformed', 'not the name of a note key')
  return name
}

// Parsing a public key costs as much as a hundred hashes, and the same few keys sign everything.
const verifiers = new Map<string, Verify>()
const verifiersMax = 1024

/** Checks raw signatures of the key: Ed25519 (RFC 8032) or ML-DSA-44 (FIPS 204, empty context). */
export async function verifierOfVkey(vkey: Vkey): Promise<Verify> {
  const known = verifiers.get(vkey.text)
  if (known !== undefined) return known
  const { algorithm } = types[vkey.type]
  const verifier = await verifierOf(algorithm, spkiOf(algorithm, vkey.publicKey))
  const oldest = verifiers.keys().next()
  if (verifiers.size >= verifiersMax && !oldest.done) verifiers.delete(oldest.value)
  verifiers.set(vkey.text, verifier)
  return verifier
}

function build(name: string, type: VkeyType, publicKey: Bytes): Vkey {
  const id = keyId(name, type, publicKey)
  const key = formatBase64(concat(Uint8Array.of(types[type].byte), publicKey))
  const number = id.reduce((value, byte) => value * 256 + byte, 0)
  return { name, type, id: number, publicKey, text: `${name}+${id.toHex()}+${key}` }
}

function keyId(name: string, type: VkeyType, publicKey: Bytes): Bytes {
  return sha256(concat(utf8(`${name}\n`), Uint8Array.of(types[type].byte), publicKey)).slice(0, 4)
}

/**
 * The key is what follows the second plus: base64 has plus signs of its own, the name and the ID have none.
 */
function splitVkey(text: string): readonly [name: string, key: string] {
  const afterName = text.indexOf('+')
  const afterId = text.indexOf('+', afterName + 1)
  if (afterName === -1 || afterId === -1) throw new Refused('malformed', 'a vkey has three parts')
  return [text.slice(0, afterName), text.slice(afterId + 1)]
}
