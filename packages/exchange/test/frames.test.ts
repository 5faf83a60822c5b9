import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { type Bytes, concat, utf8 } from '@ledgerstone/core/bytes'
import { Frames } from '../src/frames.ts'
import { encodeFrame, messageBytesMax } from '../src/message.ts'

class Wire extends Duplex {
  readonly sent: Buffer[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(chunk)
    done()
  }
}

test('messages come out whole, however the bytes arrive', async () => {
  const wire = new Wire()
  const frames = new Frames(wire)
  const messages = [utf8('one'), new Uint8Array(0), new Uint8Array(messageBytesMax).fill(7), utf8('four')]
  const bytes = concat(...messages.map((message) => encodeFrame(message as Bytes)))
  const pushed = (async () => {
    for (let at = 0; at < bytes.length; at += 1000) {
      wire.push(bytes.subarray(at, at + 1000))
      await new Promise(setImmediate)
    }
  })()
  for (const message of messages) assert.deepEqual(await frames.next(1000), message)
  await pushed
})

test('a message that is announced too long is refused before it is read', async () => {
  const wire = new Wire()
  const frames = new Frames(wire)
  wire.push(Buffer.from('00010001', 'hex'))
  await assert.rejects(frames.next(1000), { code: 'too-large' })
})

test('a message that drips is late as a whole, and an end in the middle is an end', async () => {
  const slow = new Wire()
  const whole = encodeFrame(utf8('message'))
  let at = 0
  const drip = setInterval(() => slow.push(whole.subarray(at, ++at)), 20)
  try {
    assert.equal(await new Frames(slow).next(70), undefined)
  } finally {
    clearInterval(drip)
  }
  const cut = new Wire()
  const frames = new Frames(cut)
  cut.push(encodeFrame(utf8('message')).subarray(0, 6))
  cut.push(null)
  assert.equal(await frames.next(1000), undefined)
})

test('nothing is written to a stream that is gone', async () => {
  const wire = new Wire()
  const frames = new Frames(wire)
  assert.equal(await frames.write(utf8('a')), true)
  wire.destroy()
  assert.equal(await frames.write(utf8('b')), false)
  assert.equal(wire.sent.length, 1)
})
