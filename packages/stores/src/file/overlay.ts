// What is laid over a file that must not be written to. The audit reads a store as a start would leave it,
// and goes on from what it has found out.
import type { Bytes } from '@ledgerstone/core/bytes'

/** Writes and cuts of one file, in memory. */
export class Overlay {
  #writes: { readonly at: number; readonly bytes: Uint8Array }[] = []
  /** Where the first of them begins: most reads end before it. */
  #from = Number.POSITIVE_INFINITY
  #end = 0
  #cutAt: number | undefined

  write(parts: readonly Uint8Array[], at: number): void {
    this.#from = Math.min(this.#from, at)
    let position = at
    for (const bytes of parts) {
      this.#writes.push({ at: position, bytes })
      position += bytes.length
    }
    this.#end = Math.max(this.#end, position)
  }

  truncate(bytes: number): void {
    this.#cutAt = bytes
    this.#end = 0
  }

  clear(): void {
    this.#writes = []
    this.#from = Number.POSITIVE_INFINITY
    this.#end = 0
    this.#cutAt = undefined
  }

  /** Of the file, when without this it would have so many bytes. */
  lengthOver(bytes: number): number {
    return Math.max(this.#cutAt ?? bytes, this.#end)
  }

  /** Lays what it has of a range over the bytes that were read there. */
  lay(read: Bytes, at: number): void {
    if (at + read.length <= this.#from) return
    for (const { at: from, bytes } of this.#writes) {
      const start = Math.max(from, at)
      const end = Math.min(from + bytes.length, at + read.length)
      if (start < end) read.set(bytes.subarray(start - from, end - from), start - at)
    }
  }
}
