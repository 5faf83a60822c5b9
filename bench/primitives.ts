// What cryptography costs on this machine. The goals were set on another one, and most of a record's time is
// these few operations: the ratio of the two machines is needed to read any of the numbers.
import { generateKeyPairSync, hash, sign, verify } from 'node:crypto'
import { verifierOf } from '@ledgerstone/core/primitives/node'
import { medianOf } from './rounds.ts'

/** Operations per second on one core, by OpenSSL: what machines are compared by. */
export type Primitives = {
  readonly ed25519Verify: number
  readonly rsaSign: number
  readonly sha256: number
}

/** The machine of the goals: 2 cores of a Zen 5 class AMD EPYC with IFMA and SHA-NI, the same Node. */
const goalMachine: Primitives = { ed25519Verify: 14_000, rsaSign: 4_200, sha256: 1_400_000 }

/** The same, and the verification that ledgerstone uses. */
export type MeasuredPrimitives = Primitives & { readonly statementVerify: number }

const roundMs = 100
const rounds = 5
const statementBytes = 600
const blockBytes = 64

export function measurePrimitives(): MeasuredPrimitives {
  const statement = Buffer.alloc(statementBytes, 'x')
  const block = Buffer.alloc(blockBytes, 'x')
  const ed25519 = generateKeyPairSync('ed25519')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signature = sign(null, statement, ed25519.privateKey)
  const verifyStatement = verifierOf('Ed25519', ed25519.publicKey.export({ type: 'spki', format: 'der' }))
  return {
    statementVerify: rateOf(() => verifyStatement(statement, signature)),
    ed25519Verify: rateOf(() => verify(null, statement, ed25519.publicKey, signature)),
    rsaSign: rateOf(() => sign('sha256', block, rsa.privateKey)),
    sha256: rateOf(() => hash('sha256', block, 'latin1')),
  }
}

export function describePrimitives(here: MeasuredPrimitives): string {
  const row = (what: string, name: keyof Primitives): string => {
    const slower = (goalMachine[name] / here[name]).toFixed(1)
    const [ours, theirs] = [here[name], goalMachine[name]].map(shown)
    return `${what} ${ours}/s (goals' machine ${theirs}/s, ${slower} times as many)`
  }
  return (
    `one core of it: ${row('Ed25519 verification', 'ed25519Verify')}, ` +
    `${row('RSA-2048 signature', 'rsaSign')}, ${row(`SHA-256 of ${blockBytes} bytes`, 'sha256')}; ` +
    `as ledgerstone verifies Ed25519, ${shown(here.statementVerify)}/s`
  )
}

function shown(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

/** Per second of processor time; the median of some rounds. */
function rateOf(operation: () => unknown): number {
  const rates: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const until = performance.now() + roundMs
    const before = process.cpuUsage()
    let count = 0
    for (; performance.now() < until; count++) operation()
    const { user, system } = process.cpuUsage(before)
    if (round > 0) rates.push((count / (user + system)) * 1e6)
  }
  return medianOf(rates)
}
