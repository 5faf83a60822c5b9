// A thread of the intake: reads bodies, decodes the records in them, verifies the statements whose key it
// knows. A batch is done by slices, so that the records of others get their turn in between.
import { setImmediate } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { verifierOf } from '@ledgerstone/core/primitives/node'
import { cutFrames } from '@ledgerstone/log/frames'
import { type Submission, submissionOf } from '@ledgerstone/log/submission'
import type { Answer } from '@ledgerstone/log/threads'
import { attempt, parseRecord, readBody, recordsOf } from './body.ts'
import { encodeDecoded, encodeRefused, type IntakeMessage, type KeyMessage } from './intake-message.ts'

/** Some milliseconds. */
const recordsPerSlice = 32

type Verify = ReturnType<typeof verifierOf>

const verifiers = new Map<string, Verify>()

parentPort?.on('message', (message: IntakeMessage) => {
  if ('records' in message) answerRecords(message.records)
  else if ('batch' in message) void answerBatch(message.batch)
  else learn(message)
})

function answerRecords(bodies: Uint8Array<ArrayBuffer>): void {
  answer(encodeDecoded(cutFrames(bodies).map((body) => attempt(() => decode(readBody(body))))))
}

async function answerBatch(body: Uint8Array<ArrayBuffer>): Promise<void> {
  const records = attempt(() => recordsOf(readBody(body)))
  if (records instanceof Error) return answer({ slice: encodeRefused(records), isLast: true })
  const rest = [...records]
  while (rest.length > 0) {
    const slice = rest.splice(0, recordsPerSlice).map((record) => attempt(() => decode(record)))
    answer({ slice: encodeDecoded(slice), isLast: rest.length === 0 })
    await setImmediate()
  }
}

function answer(message: Answer): void {
  const { buffer } = message instanceof Uint8Array ? message : message.slice
  parentPort?.postMessage(message, [buffer])
}

function decode(value: unknown): Submission {
  const record = parseRecord(value)
  const submission = submissionOf(record)
  const { header, signingInput, signature } = record.statement
  const verify = verifiers.get(nameOf(header.kid, header.alg))
  if (verify === undefined) return submission
  return { ...submission, isSigned: verify(signingInput, signature) === true }
}

function learn({ forget, kid, algorithm, spki }: KeyMessage): void {
  if (forget) verifiers.clear()
  try {
    verifiers.set(nameOf(kid, algorithm), verifierOf(algorithm, spki))
  } catch {
    // A key of another algorithm: the registry says so of its statements.
  }
}

function nameOf(kid: string, algorithm: string): string {
  return `${algorithm} ${kid}`
}
