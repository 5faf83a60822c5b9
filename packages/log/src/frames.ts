// Byte strings one after the other, each as u32 n | n bytes: envelopes on their way to and from the store,
// bodies on their way to a thread.
import type { Bytes } from '@ledgerstone/core/bytes'

export function encodeFrames(all: readonly Uint8Array[]): Bytes {
  let bytes = 0
  for (const each of all) bytes += 4 + each.length
  const out = new Uint8Array(bytes)
  const view = new DataView(out.buffer)
  let at = 0
  for (const each of all) {
    view.setUint32(at, each.length)
    out.set(each, at + 4)
    at += 4 + each.length
  }
  return out
}

/** Views of the frames' bytes, no copies. */
export function cutFrames(framed: Bytes): readonly Bytes[] {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength)
  const all: Bytes[] = []
  for (let at = 0; at < framed.length; ) {
    const start = at + 4
    at = start + view.getUint32(at)
    all.push(framed.subarray(start, at))
  }
  return all
}
