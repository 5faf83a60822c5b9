// Frames and their ends say the same thing twice: where each block's bytes lie. Here they are compared.
import { type Bytes, Writer } from '@ledgerstone/core/bytes'
import type { File } from './durable.ts'
import { readAt } from './durable.ts'
import { endBytes } from './layout.ts'
import type { PlainFinding } from './plain-finding.ts'

const windowBytes = 1_048_576
const endsAtOnce = 8_192

/**
 * Checks that `size` frames, each with a big-endian length of `width` bytes, fill the first `bytes` of a file
 * and end where the ends say. Where they differ, the one that fits the next block is believed and the other
 * reported.
 */
export async function* auditFrames(
  frames: File,
  ends: File,
  width: 2 | 4,
  size: number,
  bytes: number,
): AsyncGenerator<PlainFinding & { readonly offset: number }> {
  const [frameName, endName] = width === 2 ? ['entries', 'entry-ends'] : ['envelopes', 'envelope-ends']
  const prefix = new Window(frames, bytes)
  const stored = new Ends(ends, size)
  const endByPrefix = async (start: number): Promise<number | undefined> => {
    const length = await prefix.read(start, width)
    return length === undefined || start + width + length > bytes ? undefined : start + width + length
  }
  let start = 0
  for (let block = 0; block < size; block++) {
    const said = await stored.at(block)
    const found = await endByPrefix(start)
    const nextSaid = block + 1 < size ? await stored.at(block + 1) : undefined
    if (found === said && found !== undefined) {
      if (width === 2 && found === start + width)
        yield { file: frameName, offset: start, block, what: 'is empty' }
      start = found
      continue
    }
    const fits =
      found !== undefined &&
      (nextSaid === undefined ? found === bytes : (await endByPrefix(found)) === nextSaid)
    if (fits) {
      yield {
        file: endName,
        offset: block * endBytes,
        block,
        what: `says that it ends at ${said}, not ${found}`,
        believed: new Writer(endBytes).uint64(found).finish(),
      }
      start = found
    } else {
      const length = said - start - width
      const isPossible = length >= 0 && said <= bytes && length < 256 ** width
      yield {
        ...{ file: frameName, offset: start, block, what: `has another length than ${endName} says` },
        ...(isPossible && { believed: encodeLength(length, width) }),
      }
      if (length < 0 || said > bytes) {
        yield {
          file: endName,
          offset: block * endBytes,
          block,
          what: `says that it ends at ${said}: the rest is lost`,
        }
        return
      }
      start = said
    }
  }
  if (start !== bytes)
    yield { file: frameName, offset: start, what: `${bytes - start} bytes belong to no block` }
}

function encodeLength(length: number, width: 2 | 4): Bytes {
  const writer = new Writer(width)
  return (width === 2 ? writer.uint16(length) : writer.uint32(length)).finish()
}

/** Reads integers out of a file that is gone through from front to back. */
class Window {
  readonly #file: File
  readonly #end: number
  #from = 0
  #bytes: Bytes = new Uint8Array()

  constructor(file: File, end: number) {
    this.#file = file
    this.#end = end
  }

  async read(at: number, width: 2 | 4): Promise<number | undefined> {
    if (at + width > this.#end) return undefined
    if (at < this.#from || at + width > this.#from + this.#bytes.length) {
      this.#from = at
      this.#bytes = await readAt(this.#file, at, Math.min(windowBytes, this.#end - at))
    }
    const view = new DataView(this.#bytes.buffer)
    return width === 2 ? view.getUint16(at - this.#from) : view.getUint32(at - this.#from)
  }
}

class Ends {
  readonly #file: File
  readonly #size: number
  #from = 0
  #view = new DataView(new ArrayBuffer(0))

  constructor(file: File, size: number) {
    this.#file = file
    this.#size = size
  }

  async at(block: number): Promise<number> {
    if (block < this.#from || (block - this.#from) * endBytes >= this.#view.byteLength) {
      const count = Math.min(endsAtOnce, this.#size - block)
      this.#from = block
      this.#view = new DataView((await readAt(this.#file, block * endBytes, count * endBytes)).buffer)
    }
    return Number(this.#view.getBigUint64((block - this.#from) * endBytes))
  }
}
