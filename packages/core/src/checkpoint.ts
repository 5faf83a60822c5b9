// Checkpoints: signed heads, as in C2SP tlog-checkpoint.
//
//     <origin>
//     <size, decimal>
//     <base64 of the 32-byte root>
//     <empty line, then the signature lines of a note: see note.ts and cosignature.ts>
//
// A log signs every head that it has committed with its Ed25519 key (a head note), and those that it
// publishes with its ML-DSA-44 key too, so that a published head stays safe when Ed25519 falls.
import { formatBase64, parseBase64, utf8 } from './bytes.ts'
import type { CheckpointBody, NoteSigner } from './cosignature.ts'
import { signCosignature, verifyCosignature } from './cosignature.ts'
import type { Note, NoteSignature } from './note.ts'
import { formatNote, isSignatureOf, parseNote } from './note.ts'
import type { Policy } from './policy.ts'
import { isSatisfied } from './policy.ts'
import { Refused } from './refused.ts'
import type { Head } from './tree.ts'
import type { Vkey } from './vkey.ts'
import { verifierOfVkey } from './vkey.ts'

/** A checkpoint as it reads. Nothing in it is true before `verifyCheckpoint`. */
export type Checkpoint = CheckpointBody & {
  /** Lines after the third. Ledgerstone's logs write none, and ML-DSA-44 does not sign them. */
  readonly extensions: readonly string[]
  readonly note: Note
}

/** What a verifier knows of a log before it reads a checkpoint of it. */
export type CheckpointExpected = {
  readonly origin: string
  /** Every key registered for the origin: one of type `note`, and for published checkpoints one `mldsa`. */
  readonly logKeys: readonly Vkey[]
  /** The witnesses and their quorum, when one is asked for. Its log lines play no part here. */
  readonly policy?: Policy
  /**
   * True, the default: every log key must have signed. False, for a head note: those of type `note` must
   * have.
   */
  readonly published?: boolean
}

export type VerifiedCheckpoint = {
  readonly origin: string
  readonly head: Head
  /** The whole checkpoint, as it was given. */
  readonly note: string
  /** The log keys whose signatures were found and checked. */
  readonly logKeys: readonly Vkey[]
  /** When the log signed with ML-DSA-44, by its own clock; seconds since 1970. */
  readonly logSeconds: number | undefined
  /** The policy's witnesses that have cosigned, by their names in it, with their times. */
  readonly cosigners: readonly Cosigner[]
  /**
   * `none`: the policy asks for no witness, the log stands alone. `unasked`: there was no policy to judge by.
   */
  readonly quorum: 'reached' | 'none' | 'unasked'
}

export type Cosigner = { readonly witness: string; readonly vkey: Vkey; readonly seconds: number }

/** The three lines that are signed. */
export function formatCheckpointBody(origin: string, head: Head): string {
  if (head.root.length !== 32) throw new RangeError(`a root of ${head.root.length} bytes`)
  return `${origin}\n${head.size}\n${formatBase64(head.root)}\n`
}

/** Strict. Throws `malformed`, `too-large`. */
export function parseCheckpoint(text: string): Checkpoint {
  const note = parseNote(text)
  const [origin = '', size = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n')
  if (origin === '' || extensions.includes(''))
    throw new Refused('malformed', 'a checkpoint has no empty lines')
  const head = { size: parseSize(size), root: parseBase64(root, 'the root of the checkpoint', 32) }
  return { origin, head, extensions, text: note.text, note }
}

/** Strict: no sign, no leading zero, at most 2^53 - 1. Throws `malformed`. */
export function parseSize(text: string): number {
  const size = Number(text)
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(size)) {
    throw new Refused('malformed', 'not a size or index in decimal')
  }
  return size
}

/**
 * One log signature on a head that is known to be committed: of type `note`, or of type `mldsa` with the time
 * of signing in `seconds` since 1970. A log must never sign two roots of one size; that is for the caller to
 * see to.
 */
export async function signHead(
  origin: string,
  head: Head,
  signer: NoteSigner,
  seconds: number,
): Promise<NoteSignature> {
  const { vkey, sign } = signer
  if (vkey.name !== origin) throw new TypeError(`the key of ${vkey.name} does not sign for ${origin}`)
  const text = formatCheckpointBody(origin, head)
  if (vkey.type !== 'note') return signCosignature({ origin, head, text }, signer, seconds)
  return { name: vkey.name, id: vkey.id, signature: await sign(utf8(text)) }
}

/** A checkpoint with one signature per signer, in their order. */
export async function signCheckpoint(
  origin: string,
  head: Head,
  signers: readonly NoteSigner[],
  seconds: number,
): Promise<string> {
  const signatures: NoteSignature[] = []
  for (const signer of signers) signatures.push(await signHead(origin, head, signer, seconds))
  return formatNote({ text: formatCheckpointBody(origin, head), signatures })
}

/** The same checkpoint with more signature lines: the log's second signature, cosignatures of witnesses. */
export function addSignatures(checkpoint: string, signatures: readonly NoteSignature[]): string {
  const { text, signatures: present } = parseNote(checkpoint)
  return formatNote({ text, signatures: [...present, ...signatures] })
}

/**
 * Checks a checkpoint against what is known of its log. A bad signature of a known key, log or witness,
 * refuses the whole checkpoint; lines of unknown keys are skipped. Throws `malformed`, `too-large`,
 * `bad-checkpoint`, `no-quorum`.
 */
export async function verifyCheckpoint(
  text: string,
  expected: CheckpointExpected,
): Promise<VerifiedCheckpoint> {
  const checkpoint = parseCheckpoint(text)
  checkIsOf(checkpoint, expected)
  const { policy, logKeys, published = true } = expected

  const signed = await verifyKeys(checkpoint, logKeys)
  for (const vkey of logKeys) {
    if ((published || vkey.type === 'note') && !signed.has(vkey)) {
      throw new Refused('bad-checkpoint', `the checkpoint lacks the ${vkey.type} signature of ${vkey.name}`)
    }
  }

  const witnesses = policy === undefined ? [] : [...policy.witnesses.values()]
  const cosigned = await verifyKeys(
    checkpoint,
    witnesses.map((witness) => witness.vkey),
  )
  const cosigners: Cosigner[] = []
  for (const { name, vkey } of witnesses) {
    const seconds = cosigned.get(vkey)
    if (seconds !== undefined) cosigners.push({ witness: name, vkey, seconds })
  }
  if (policy !== undefined && !isSatisfied(policy, new Set(cosigners.map(({ witness }) => witness)))) {
    throw new Refused(
      'no-quorum',
      `${cosigners.length} of ${witnesses.length} witnesses have cosigned: no quorum`,
    )
  }

  const mldsa = logKeys.find((vkey) => vkey.type === 'mldsa' && signed.has(vkey))
  return {
    origin: checkpoint.origin,
    head: checkpoint.head,
    note: text,
    logKeys: [...signed.keys()],
    logSeconds: mldsa === undefined ? undefined : signed.get(mldsa),
    cosigners,
    quorum: policy === undefined ? 'unasked' : policy.quorum === 'none' ? 'none' : 'reached',
  }
}

function checkIsOf(checkpoint: Checkpoint, { origin, logKeys }: CheckpointExpected): void {
  if (checkpoint.origin !== origin) throw new Refused('bad-checkpoint', `the checkpoint is not of ${origin}`)
  if (checkpoint.extensions.length > 0)
    throw new Refused('bad-checkpoint', 'the checkpoint has extension lines')
  if (!logKeys.some((vkey) => vkey.type === 'note')) {
    throw new Refused('bad-checkpoint', `no Ed25519 log key of ${origin} is known`)
  }
  if (logKeys.some((vkey) => vkey.name !== origin || vkey.type === 'cosignature')) {
    throw new Refused('bad-checkpoint', `a key given for ${origin} is not a log key of it`)
  }
}

/** Of these keys those that have signed, with the newest time that each has signed at (type `note`: 0). */
async function verifyKeys(
  checkpoint: Checkpoint,
  vkeys: readonly Vkey[],
): Promise<ReadonlyMap<Vkey, number>> {
  const signed = new Map<Vkey, number>()
  for (const line of checkpoint.note.signatures) {
    for (const vkey of vkeys) {
      if (!isSignatureOf(vkey, line)) continue
      const seconds = await verifyLine(checkpoint, vkey, line)
      signed.set(vkey, Math.max(seconds, signed.get(vkey) ?? 0))
    }
  }
  return signed
}

async function verifyLine(checkpoint: Checkpoint, vkey: Vkey, line: NoteSignature): Promise<number> {
  if (vkey.type === 'note') {
    const verify = await verifierOfVkey(vkey)
    if (line.signature.length === 64 && (await verify(utf8(checkpoint.text), line.signature))) return 0
    throw new Refused('bad-checkpoint', `the signature of ${vkey.name} is not valid`)
  }
  try {
    return await verifyCosignature(checkpoint, vkey, line)
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    throw new Refused('bad-checkpoint', cause.message, { cause })
  }
}
