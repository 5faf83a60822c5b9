// Ed25519 verification for node.ts: by libsodium, which takes half of OpenSSL's time for a signature, or by
// OpenSSL where libsodium's addon does not load. Both check the cofactorless equation and refuse keys and R
// of small order; vectors/ed25519.json holds them to it. (libsodium also refuses y of 2^255 - 19 and more in
// a key; spki.ts has done so before.)
import * as crypto from 'node:crypto'
import { createRequire } from 'node:module'
import type { Verify } from './primitives.d.ts'

type Libsodium = {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

/** `key`: of type ed25519. */
export function ed25519Verifier(key: crypto.KeyObject): Verify {
  return libsodiumVerifier(key) ?? opensslVerifier(key)
}

export function opensslVerifier(key: crypto.KeyObject): Verify {
  const options = { key }
  return (message, signature) => crypto.verify(null, message, options, signature)
}

/** Undefined where the addon does not load. */
export function libsodiumVerifier(key: crypto.KeyObject): Verify | undefined {
  loaded ??= { libsodium: load() }
  const { libsodium } = loaded
  if (libsodium === undefined) return undefined
  const publicKey = Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url')
  // It reads the first 64 bytes of a longer signature, and throws for a shorter one.
  return (message, signature) =>
    signature.length === 64 && libsodium.crypto_sign_verify_detached(signature, message, publicKey)
}

/** Set when the first key comes: to load it takes 20 ms. */
let loaded: { readonly libsodium: Libsodium | undefined } | undefined

function load(): Libsodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Libsodium
  } catch {
    return undefined
  }
}
