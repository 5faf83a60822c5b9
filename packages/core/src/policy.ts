// Policies of C2SP tlog-policy: which witnesses must have cosigned a checkpoint before it counts.
//
//     log <vkey> [<url>]
//     witness <name> <vkey> [<url>]
//     group <name> all|any|<k> <name>...      each name is a member at most once
//     quorum <name>|none                      exactly one line
//
// Stricter than the standard in what makes a quorum worthless: one vkey per witness, no key twice, no log
// that witnesses itself, and any two quorums must share a witness.
import { utf8 } from './bytes.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'
import type { Vkey } from './vkey.ts'
import { parseVkey } from './vkey.ts'

export type Policy = {
  readonly logs: readonly PolicyLog[]
  /** By their names in the policy, which mean nothing outside of it. */
  readonly witnesses: ReadonlyMap<string, Witness>
  readonly quorum: Quorum | 'none'
  readonly text: string
}

export type PolicyLog = { readonly vkey: Vkey; readonly url: string | undefined }
export type Witness = { readonly name: string; readonly vkey: Vkey; readonly url: string | undefined }

/** A witness, or `threshold` of the members. Every witness occurs at most once in it. */
export type Quorum =
  | { readonly kind: 'witness'; readonly name: string }
  | {
      readonly kind: 'group'
      readonly name: string
      readonly threshold: number
      readonly members: readonly Quorum[]
    }

/**
 * How many faulty witnesses the quorum bears. `overlap` is the least number of witnesses that two quorums
 * share; `f` = overlap - 1 of them may cosign two histories without both becoming final; any `absentMax` may
 * be silent.
 */
export type Faults =
  | { readonly quorum: 'none' }
  | { readonly quorum: 'witnesses'; readonly overlap: number; readonly f: number; readonly absentMax: number }

/** Throws `bad-policy`, `too-large`. */
export function parsePolicy(text: string): Policy {
  if (text.length > limits.policyBytesMax || utf8(text).length > limits.policyBytesMax) {
    throw new Refused('too-large', `a policy has at most ${limits.policyBytesMax} bytes`)
  }
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControls(text)) {
    throw new Refused('bad-policy', 'a policy is lines, each ended by a newline, without control characters')
  }
  const draft = new Draft()
  for (const [i, line] of text.slice(0, -1).split('\n').entries()) {
    const items = line.split(/[ \t]+/).filter((item) => item !== '')
    if (items.length > 0 && !items[0]?.startsWith('#')) draft.add(items, i + 1)
  }
  return draft.finish(text)
}

/** Whether these witnesses, named as in the policy, are a quorum. */
export function isSatisfied({ quorum }: Policy, cosigners: ReadonlySet<string>): boolean {
  return quorum === 'none' || isReached(quorum, cosigners)
}

export function faults({ quorum }: Policy): Faults {
  if (quorum === 'none') return { quorum: 'none' }
  const overlap = overlapOf(quorum)
  return { quorum: 'witnesses', overlap, f: overlap - 1, absentMax: blockersOf(quorum) - 1 }
}

/** One line for people: `2 of 3 witnesses: f = 0, one may be absent`. */
export function describePolicy(policy: Policy): string {
  const borne = faults(policy)
  if (borne.quorum === 'none' || policy.quorum === 'none') return 'log-signed only: one operator runs it all'
  const absent = borne.absentMax === 0 ? 'none' : borne.absentMax === 1 ? 'one' : `${borne.absentMax}`
  return `${describe(policy.quorum)}: f = ${borne.f}, ${absent} may be absent`
}

/** What the lines so far have defined. */
class Draft {
  readonly #logs: PolicyLog[] = []
  readonly #witnesses = new Map<string, Witness>()
  readonly #defined = new Map<string, Quorum>()
  readonly #members = new Set<string>()
  #quorum: Quorum | 'none' | undefined

  add([keyword, ...items]: readonly string[], line: number): void {
    if (keyword === 'log') this.#addLog(items, line)
    else if (keyword === 'witness') this.#addWitness(items, line)
    else if (keyword === 'group') this.#addGroup(items, line)
    else if (keyword === 'quorum') this.#addQuorum(items, line)
    else throw bad(line, 'neither log, witness, group nor quorum')
  }

  finish(text: string): Policy {
    if (this.#quorum === undefined) throw new Refused('bad-policy', 'the policy has no quorum line')
    const policy = { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum, text }
    const borne = faults(policy)
    if (borne.quorum !== 'none' && borne.overlap === 0) {
      throw new Refused('bad-policy', 'two quorums of the policy need not share a witness')
    }
    this.#checkKeys()
    return policy
  }

  #addLog([key, url, ...more]: readonly string[], line: number): void {
    if (key === undefined || more.length > 0) throw bad(line, 'not `log <vkey> [<url>]`')
    const vkey = vkeyAt(key, line)
    if (vkey.type === 'cosignature') throw bad(line, 'a cosignature key is not a log key')
    this.#logs.push({ vkey, url })
    if (this.#logs.length > limits.policyNamesMax)
      throw new Refused('too-large', 'the policy has too many logs')
  }

  #addWitness([name, key, url, ...more]: readonly string[], line: number): void {
    if (name === undefined || key === undefined || more.length > 0)
      throw bad(line, 'not `witness <name> <vkey> [<url>]`')
    const vkey = vkeyAt(key, line)
    if (vkey.type === 'note') throw bad(line, 'a log key is not a cosignature key')
    this.#define(name, { kind: 'witness', name }, line)
    this.#witnesses.set(name, { name, vkey, url })
  }

  #addGroup([name, count, ...names]: readonly string[], line: number): void {
    if (name === undefined || count === undefined || names.length === 0) {
      throw bad(line, 'not `group <name> all|any|<k> <name>...`')
    }
    const members = names.map((member) => this.#take(member, line))
    this.#define(
      name,
      { kind: 'group', name, threshold: thresholdOf(count, members.length, line), members },
      line,
    )
  }

  #addQuorum([name, ...more]: readonly string[], line: number): void {
    if (name === undefined || more.length > 0) throw bad(line, 'not `quorum <name>`')
    if (this.#quorum !== undefined) throw bad(line, 'a second quorum line')
    this.#quorum = name === 'none' ? 'none' : this.#named(name, line)
  }

  #define(name: string, quorum: Quorum, line: number): void {
    if (name === 'none' || this.#defined.has(name)) throw bad(line, 'a name that is already defined')
    this.#defined.set(name, quorum)
    if (this.#defined.size > limits.policyNamesMax)
      throw new Refused('too-large', 'the policy has too many names')
  }

  #named(name: string, line: number): Quorum {
    const quorum = this.#defined.get(name)
    if (quorum === undefined) throw bad(line, 'a name that no line before defines')
    return quorum
  }

  #take(name: string, line: number): Quorum {
    if (this.#members.has(name)) throw bad(line, 'a name that is a member already')
    this.#members.add(name)
    return this.#named(name, line)
  }

  /** One machine must not count twice, under whatever name or type; and a log does not witness itself. */
  #checkKeys(): void {
    const keys = new Set<string>()
    const names = new Set(this.#logs.map(({ vkey }) => vkey.name))
    for (const { vkey } of [...this.#logs, ...this.#witnesses.values()]) {
      const key = vkey.publicKey.toHex()
      if (keys.has(key)) throw new Refused('bad-policy', `the public key of ${vkey.name} occurs twice`)
      keys.add(key)
    }
    for (const { vkey } of this.#witnesses.values()) {
      if (names.has(vkey.name))
        throw new Refused('bad-policy', `${vkey.name} has two keys: one vkey per witness`)
      names.add(vkey.name)
    }
  }
}

function isReached(quorum: Quorum, cosigners: ReadonlySet<string>): boolean {
  if (quorum.kind === 'witness') return cosigners.has(quorum.name)
  return quorum.members.filter((member) => isReached(member, cosigners)).length >= quorum.threshold
}

/**
 * The least number of witnesses that two quorums share. Of a group's n members two quorums reach k each, so
 * at least 2k - n are reached by both; the other witnesses can be kept apart, because no witness is in two
 * members.
 */
function overlapOf(quorum: Quorum): number {
  if (quorum.kind === 'witness') return 1
  const { threshold, members } = quorum
  return sumOfSmallest(members.map(overlapOf), 2 * threshold - members.length)
}

/** The least number of witnesses without which there is no quorum. */
function blockersOf(quorum: Quorum): number {
  if (quorum.kind === 'witness') return 1
  const { threshold, members } = quorum
  return sumOfSmallest(members.map(blockersOf), members.length - threshold + 1)
}

function sumOfSmallest(values: readonly number[], count: number): number {
  const ascending = values.toSorted((a, b) => a - b)
  return ascending.slice(0, Math.max(0, count)).reduce((sum, value) => sum + value, 0)
}

function describe(quorum: Quorum): string {
  if (quorum.kind === 'witness') return `witness ${quorum.name}`
  const { threshold, members } = quorum
  if (members.every(({ kind }) => kind === 'witness')) return `${threshold} of ${members.length} witnesses`
  return `${threshold} of (${members.map(describe).join(', ')})`
}

function thresholdOf(count: string, members: number, line: number): number {
  if (count === 'all') return members
  if (count === 'any') return 1
  const threshold = Number(count)
  if (!/^[1-9][0-9]{0,3}$/.test(count) || threshold > members) throw bad(line, 'a threshold out of range')
  return threshold
}

function vkeyAt(key: string, line: number): Vkey {
  try {
    return parseVkey(key)
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    throw new Refused('bad-policy', `line ${line}: ${cause.message}`, { cause })
  }
}

/** Tab and newline are the only control characters; DEL is one too. */
function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09 && code !== 0x0a) || code === 0x7f) return true
  }
  return false
}

function bad(line: number, message: string): Refused {
  return new Refused('bad-policy', `line ${line}: ${message}`)
}
