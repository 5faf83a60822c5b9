// A thread that verifies statement signatures, synchronously: libuv's pool belongs to the disk.
import { parentPort } from 'node:worker_threads'
import { verifierOf } from '@ledgerstone/core/primitives/node'
import { decodeJobs, type KeysMessage, type VerifyMessage } from './verify-message.ts'

type Verify = ReturnType<typeof verifierOf>

const verifiers = new Map<number, Verify>()

parentPort?.on('message', (message: VerifyMessage) => {
  if (message instanceof Uint8Array) parentPort?.postMessage(verifyAll(message))
  else learn(message)
})

function learn({ forget, keys }: KeysMessage): void {
  if (forget) verifiers.clear()
  for (const { number, algorithm, spki } of keys) verifiers.set(number, verifierOrNone(algorithm, spki))
}

function verifyAll(jobs: Uint8Array<ArrayBuffer>): Uint8Array {
  return Uint8Array.from(decodeJobs(jobs), ({ key, signed, signature }) => {
    const verify = verifiers.get(key)
    if (verify === undefined) throw new Error(`the worker was not told of key ${key}`)
    return verify(signed, signature) === true ? 1 : 0
  })
}

/**
 * A key that the library does not take has signed nothing; it must not end the thread and with it others'
 * jobs.
 */
function verifierOrNone(...[algorithm, spki]: Parameters<typeof verifierOf>): Verify {
  try {
    return verifierOf(algorithm, spki)
  } catch {
    return () => false
  }
}
