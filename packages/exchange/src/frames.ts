// Messages out of a stream of bytes, each within its time and its length.
import type { Duplex } from 'node:stream'
import { type Bytes, concat } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { encodeFrame, messageBytesMax } from './message.ts'

const headBytes = 4

export class Frames {
  readonly #stream: Duplex
  #held: Bytes = new Uint8Array(0)
  #ended = false
  #wake: () => void = () => undefined

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => {
      this.#held = concat(this.#held, chunk)
      // A peer that is faster than the ceremony waits; one frame and the head of the next is all that is
      // held.
      if (this.#held.length > messageBytesMax + 2 * headBytes) stream.pause()
      this.#wake()
    })
    for (const end of ['end', 'close', 'error']) {
      stream.on(end, () => {
        this.#ended = true
        this.#wake()
      })
    }
  }

  /**
   * The next message; undefined when the stream ends or `timeoutMs` have passed before it is whole. Throws
   * `too-large`.
   */
  async next(timeoutMs: number): Promise<Bytes | undefined> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, timeoutMs)
    try {
      for (;;) {
        const message = this.#take()
        if (message !== undefined) return message
        if (this.#ended || late) return undefined
        this.#stream.resume()
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
      this.#wake = () => undefined
    }
  }

  /** Resolves when the message has left this process; false when the stream is gone. */
  write(message: Bytes): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#stream.writable) return resolve(false)
      this.#stream.once('close', () => resolve(false))
      this.#stream.write(encodeFrame(message), (error) => resolve(error === undefined || error === null))
    })
  }

  #take(): Bytes | undefined {
    if (this.#held.length < headBytes) return undefined
    const bytes = new DataView(this.#held.buffer, this.#held.byteOffset).getUint32(0)
    if (bytes > messageBytesMax) throw new Refused('too-large', 'a message is announced that is too long')
    if (this.#held.length < headBytes + bytes) return undefined
    const message = this.#held.slice(headBytes, headBytes + bytes)
    this.#held = this.#held.slice(headBytes + bytes)
    return message
  }
}
