// RSA-OAEP of Web Crypto, also with a key that the browser keeps and nobody can extract.
import type { Unwrap } from './primitives.d.ts'

/** Web Crypto takes the same hash for MGF1. */
export const oaep = { name: 'RSA-OAEP', hash: 'SHA-512' } as const

/** As `unwrapperOf`, of an imported private key. */
export function oaepUnwrapper(key: CryptoKey): Unwrap {
  const { modulusLength: modulusBits } = key.algorithm as { readonly modulusLength?: number }
  // As in node.ts: without its leading zero byte, a wrapped key is another one.
  return async (wrapped) => {
    if (modulusBits === undefined || wrapped.length !== modulusBits / 8) {
      throw new RangeError('the wrapped key is not as long as the modulus')
    }
    return new Uint8Array(await crypto.subtle.decrypt(oaep, key, new Uint8Array(wrapped)))
  }
}
