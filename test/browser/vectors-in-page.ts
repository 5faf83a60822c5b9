// Runs inside the browser: the vectors that exercise what the browser's primitives do, through the core as
// the explorer has it. Bundled by vectors.test.ts.
import { type Bytes, concat, formatHex, parseHex } from '@ledgerstone/core/bytes'
import type { Json, JsonObject } from '@ledgerstone/core/canonical'
import { formatCanonical } from '@ledgerstone/core/canonical'
import { decryptPrivateKey } from '@ledgerstone/core/encrypted-key'
import { verifyEvidence } from '@ledgerstone/core/evidence'
import { parsePolicy } from '@ledgerstone/core/policy'
import { verifierOf } from '@ledgerstone/core/primitives/web'
import { verifyReceipt } from '@ledgerstone/core/receipt'
import { Refused } from '@ledgerstone/core/refused'
import { parseStatement } from '@ledgerstone/core/statement'
import { parseTrust } from '@ledgerstone/core/trust'
import { parseVkey } from '@ledgerstone/core/vkey'
import ed25519 from '../../vectors/ed25519.json' with { type: 'json' }
import encryptedKey from '../../vectors/encrypted-key.json' with { type: 'json' }
import evidence from '../../vectors/evidence.json' with { type: 'json' }
import receipt from '../../vectors/receipt.json' with { type: 'json' }
import statement from '../../vectors/statement.json' with { type: 'json' }

export type Count = { readonly run: number; readonly failures: readonly string[] }

type Case = { readonly comment: string; readonly code?: string }

const hex = (text: string): Bytes => parseHex(text, 'a vector')
const ed25519Prefix = hex('302a300506032b6570032100')

/** Rejects or throws unless it does what the case says: pass, or be refused with the code. */
async function check(each: Case, run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    const result = await run()
    if (each.code === undefined) return result === false ? `${each.comment}: false` : undefined
    return `${each.comment}: passed, not ${each.code}`
  } catch (error) {
    const code = error instanceof Refused ? error.code : String(error)
    return code === each.code ? undefined : `${each.comment}: ${code}, not ${each.code ?? 'passed'}`
  }
}

async function runAll<C extends Case>(
  cases: readonly C[],
  run: (each: C) => Promise<unknown>,
): Promise<Count> {
  const outcomes = []
  for (const each of cases) outcomes.push(await check(each, () => run(each)))
  return { run: cases.length, failures: outcomes.filter((outcome) => outcome !== undefined) }
}

type Signed = Case & { readonly publicKey: string; readonly message: string; readonly signature: string }

async function isSigned({ publicKey, message, signature }: Signed): Promise<boolean> {
  try {
    const verify = await verifierOf('Ed25519', concat(ed25519Prefix, hex(publicKey)))
    return await verify(hex(message), hex(signature))
  } catch {
    return false // the browser takes no such key
  }
}

async function verifies({ jws, spki }: { readonly jws: string; readonly spki: string }): Promise<boolean> {
  const { header, signingInput, signature } = parseStatement(jws)
  return (await verifierOf(header.alg, hex(spki)))(signingInput, signature)
}

type Given = Case & {
  readonly file?: string
  readonly patch?: Json
  readonly evidence?: string
  readonly trust: string | null
}

async function verifyFile({ file = '', patch, evidence: whole, trust }: Given): Promise<unknown> {
  const text = whole ?? (evidence.files as Readonly<Record<string, string>>)[file] ?? ''
  const patched = patch === undefined ? text : formatCanonical(merge(JSON.parse(text) as Json, patch))
  const trusts: Readonly<Record<string, string>> = evidence.trusts
  return verifyEvidence(patched, trust === null ? undefined : parseTrust(trusts[trust] ?? ''))
}

/** RFC 7396. */
function merge(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged: Record<string, Json> = { ...(target as JsonObject) }
  for (const [name, value] of Object.entries(patch as JsonObject)) {
    if (value === null) delete merged[name]
    else merged[name] = merge(merged[name], value)
  }
  return merged
}

type GivenReceipt = Case & {
  readonly receipt: string
  readonly leaf: string
  readonly expected: { origin: string; logKeys: string[]; published: boolean; policy?: string }
}

function verifyGiven({ receipt: text, leaf, expected }: GivenReceipt): Promise<unknown> {
  const { origin, logKeys, published, policy } = expected
  const known = { origin, logKeys: logKeys.map(parseVkey), published }
  return verifyReceipt(
    text,
    hex(leaf),
    policy === undefined ? known : { ...known, policy: parsePolicy(policy) },
  )
}

const suites: Readonly<Record<string, () => Promise<Count>>> = {
  'ed25519, valid': () => runAll(ed25519.valid, isSigned),
  'ed25519, invalid': () => runAll(ed25519.invalid, async (each) => !(await isSigned(each))),
  'statement, valid': () => runAll(statement.valid, verifies),
  'statement, invalid': () => runAll(statement.invalid, async ({ jws }) => parseStatement(jws)),
  'statement, forged': () => runAll(statement.forged, async (each) => !(await verifies(each))),
  'receipt, valid': () => runAll(receipt.valid as GivenReceipt[], verifyGiven),
  'receipt, invalid': () => runAll(receipt.invalid as GivenReceipt[], verifyGiven),
  'evidence, valid': () => runAll(evidence.valid as Given[], verifyFile),
  'evidence, invalid': () => runAll(evidence.invalid as Given[], verifyFile),
  'encrypted-key, valid': () =>
    runAll(encryptedKey.valid, async ({ encrypted, passphrase, pkcs8 }) => {
      return formatHex(await decryptPrivateKey(hex(encrypted), passphrase)) === pkcs8
    }),
  'encrypted-key, invalid': () =>
    runAll(encryptedKey.invalid, ({ encrypted, passphrase }) =>
      decryptPrivateKey(hex(encrypted), passphrase),
    ),
}

Object.assign(globalThis, {
  suiteNames: Object.keys(suites),
  runSuite: (name: string) => suites[name]?.(),
})
