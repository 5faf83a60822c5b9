// The trust file: all that a verifier pins of a ledger, made by `init` and handed over out of band.
//
//     ledgerstone.trust/v1
//     ledger <ledger name>
//     genesis <64 hex: hash of block 0 of keys>
//     <empty line>
//     <a C2SP tlog-policy with one log line: the Ed25519 vkey of <ledger name>/keys>
import type { Hash } from './bytes.ts'
import { formatHex, parseHex } from './bytes.ts'
import { checkLedgerName, keysBucket, originOf } from './names.ts'
import type { Policy } from './policy.ts'
import { parsePolicy } from './policy.ts'
import { Refused } from './refused.ts'
import type { Vkey } from './vkey.ts'

export type Trust = {
  /** The ledger's name. */
  readonly ledger: string
  /** The block hash of block 0 of `keys`. */
  readonly genesis: Hash
  /** The log key of `keys`; those of all other buckets are in the registry. */
  readonly keysVkey: Vkey
  readonly policy: Policy
}

const magic = 'ledgerstone.trust/v'
const version = '1'

/** Strict. Throws `malformed`, `unknown-version`, `bad-name`, `bad-policy`, `too-large`. */
export function parseTrust(text: string): Trust {
  const lines = text.split('\n', 4)
  if (!lines[0]?.startsWith(magic)) throw new Refused('malformed', 'not a trust file')
  if (lines[0] !== `${magic}${version}`)
    throw new Refused('unknown-version', 'a trust file of another version')
  const [, ledgerLine = '', genesisLine = '', empty] = lines
  if (empty !== '') throw new Refused('malformed', 'a trust file is three lines, an empty line, a policy')
  const ledger = checkLedgerName(valueAfter(ledgerLine, 'ledger'))
  const genesis = parseHex(valueAfter(genesisLine, 'genesis'), 'the genesis hash', 32)
  const policyText = text.slice(formatHeader(ledger, genesis).length)
  const trust = createTrust(ledger, genesis, policyText)
  if (formatTrust(trust) !== text) throw new Refused('malformed', 'the trust file is not spelled canonically')
  return trust
}

export function formatTrust({ ledger, genesis, policy }: Trust): string {
  return formatHeader(ledger, genesis) + policy.text
}

/** Trust in a new ledger. Throws `bad-name`, `bad-policy`, `too-large`. */
export function createTrust(ledger: string, genesis: Hash, policyText: string): Trust {
  checkLedgerName(ledger)
  if (genesis.length !== 32) throw new RangeError(`a genesis hash of ${genesis.length} bytes`)
  const policy = parsePolicy(policyText)
  const [log, ...more] = policy.logs
  const isKeysLog = log?.vkey.type === 'note' && log.vkey.name === originOf(ledger, keysBucket)
  if (log === undefined || !isKeysLog || more.length > 0) {
    throw new Refused(
      'bad-policy',
      `the policy's one log line must be the Ed25519 key of ${originOf(ledger, keysBucket)}`,
    )
  }
  return { ledger, genesis, keysVkey: log.vkey, policy }
}

function formatHeader(ledger: string, genesis: Hash): string {
  return `${magic}${version}\nledger ${ledger}\ngenesis ${formatHex(genesis)}\n\n`
}

function valueAfter(line: string, label: string): string {
  if (!line.startsWith(`${label} `)) throw new Refused('malformed', `the trust file lacks its ${label} line`)
  return line.slice(label.length + 1)
}
