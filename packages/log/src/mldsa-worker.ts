// A thread that signs with ML-DSA-44: up to several milliseconds a signature, which the main thread has not.
import { parentPort } from 'node:worker_threads'
import { signerOf } from '@ledgerstone/core/primitives/node'
import type { MldsaRequest, MldsaResponse } from './mldsa.ts'

type Sign = ReturnType<typeof signerOf>

const signers: Sign[] = []

parentPort?.on('message', ({ id, key, pkcs8, message }: MldsaRequest) => {
  if (pkcs8 !== undefined) signers[key] = signerOf('ML-DSA-44', pkcs8)
  const signature = (signers[key] as Sign)(message) as Uint8Array<ArrayBuffer>
  const response: MldsaResponse = { id, signature }
  parentPort?.postMessage(response)
})
