// Signing heads. Every committed head gets an Ed25519 note at once; those that are published get ML-DSA-44 as
// well.
import { strict as assert } from 'node:assert'
import { type Bytes, equalBytes } from '@ledgerstone/core/bytes'
import { addSignatures, signCheckpoint, signHead } from '@ledgerstone/core/checkpoint'
import type { NoteSigner } from '@ledgerstone/core/cosignature'
import { publicOf, signerOf } from '@ledgerstone/core/primitives/node'
import { Refused } from '@ledgerstone/core/refused'
import { type Vkey, vkeyOf } from '@ledgerstone/core/vkey'
import type { MldsaThread } from './mldsa.ts'
import type { Head } from './store.ts'

/** The private keys of one log, as PKCS#8. */
export type LogSigner = { readonly ed25519: Bytes; readonly mldsa44: Bytes }

/** The verifier keys that a log's statement in `keys` announces: first Ed25519 (note), then ML-DSA-44. */
export function vkeysOf(origin: string, signer: LogSigner): readonly Vkey[] {
  return [vkeyOf(origin, 'note', publicOf(signer.ed25519)), vkeyOf(origin, 'mldsa', publicOf(signer.mldsa44))]
}

/** Signs the heads of one bucket and remembers the newest: a log never signs two roots of one size. */
export class HeadSigner {
  readonly origin: string
  readonly vkeys: readonly Vkey[]
  readonly #note: NoteSigner
  readonly #mldsa: NoteSigner
  #signed: { readonly head: Head; readonly note: string } | undefined

  constructor(origin: string, signer: LogSigner, thread: MldsaThread) {
    const vkeys = vkeysOf(origin, signer)
    this.origin = origin
    this.vkeys = vkeys
    this.#note = { vkey: vkeys[0] as Vkey, sign: signerOf('Ed25519', signer.ed25519) }
    this.#mldsa = { vkey: vkeys[1] as Vkey, sign: thread.signerOf(signer.mldsa44) }
  }

  /** Throws `rolled-back` or `forked` when a store's head contradicts one that was signed before. */
  checkHead(head: Head): void {
    const signed = this.#signed?.head
    if (signed === undefined) return
    if (head.size < signed.size) {
      throw new Refused('rolled-back', `the store has ${head.size} blocks, ${signed.size} were signed`)
    }
    if (head.size === signed.size && !equalBytes(head.root, signed.root)) {
      throw new Refused('forked', `the store has another root of size ${head.size} than was signed`)
    }
  }

  /** The Ed25519 note on a head that is known to be committed. */
  async signCommitted(head: Head): Promise<string> {
    const signed = this.#signed
    if (signed !== undefined) {
      assert(head.size >= signed.head.size, `size ${head.size} after ${signed.head.size}: a log only grows`)
      if (head.size === signed.head.size) {
        assert(equalBytes(head.root, signed.head.root), `a second root of size ${head.size}`)
        return signed.note
      }
    }
    // Nothing may be signed between this and the line after it: the bucket signs one head at a time.
    const note = await signCheckpoint(this.origin, head, [this.#note], 0)
    this.#signed = { head, note }
    return note
  }

  /** The note that was signed before, with the ML-DSA-44 signature of this time. `seconds` since 1970. */
  async signPublished(head: Head, note: string, seconds: number): Promise<string> {
    return addSignatures(note, [await signHead(this.origin, head, this.#mldsa, seconds)])
  }
}
