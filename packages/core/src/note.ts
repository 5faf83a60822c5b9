// Signed notes, as in C2SP signed-note.
//
//     <text, one or more lines, each ended by a newline>
//     <empty line>
//     — <key name> <base64 of: u32 key ID | signature>       one line per signature
//
// The text must not be used before a signature of a trusted key on it has been checked: see checkpoint.ts.
import type { Bytes } from './bytes.ts'
import { formatBase64, parseBase64, utf8, Writer } from './bytes.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'
import type { Vkey } from './vkey.ts'
import { checkKeyName } from './vkey.ts'

export type NoteSignature = {
  readonly name: string
  /** The key ID as an unsigned integer. */
  readonly id: number
  readonly signature: Bytes
}

export type Note = {
  /** What is signed, with its last newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** Strict. Throws `malformed`, `too-large`. */
export function parseNote(note: string): Note {
  if (note.length > limits.noteBytesMax || utf8(note).length > limits.noteBytesMax) {
    throw new Refused('too-large', `a note has at most ${limits.noteBytesMax} bytes`)
  }
  // Some signature line may hold no empty line, so the last one ends the text.
  const split = note.lastIndexOf('\n\n')
  if (split === -1 || !note.endsWith('\n'))
    throw new Refused('malformed', 'a note is a text, an empty line, signatures')
  const text = note.slice(0, split + 1)
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > limits.noteSignaturesMax) {
    throw new Refused('too-large', `a note has at most ${limits.noteSignaturesMax} signatures`)
  }
  const parsed = { text, signatures: lines.map(parseSignature) }
  if (formatNote(parsed) !== note) throw new Refused('malformed', 'the note is not spelled canonically')
  return parsed
}

/** Throws `malformed` when the text cannot be the text of a note or when nobody signs it. */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControls(text)) {
    throw new Refused(
      'malformed',
      'the text of a note ends with a newline and has no other control characters',
    )
  }
  if (signatures.length === 0) throw new Refused('malformed', 'a note has at least one signature')
  return `${text}\n${signatures.map(formatSignature).join('')}`
}

/** Whether a signature line claims to be of this key. Only the key itself can tell whether it is. */
export function isSignatureOf(vkey: Vkey, signature: NoteSignature): boolean {
  return signature.name === vkey.name && signature.id === vkey.id
}

/** The same note with only the lines that claim to be of these keys, as they stand. */
export function keepSignatures(note: Note, vkeys: readonly Vkey[]): Note {
  const signatures = note.signatures.filter((line) => vkeys.some((vkey) => isSignatureOf(vkey, line)))
  return { text: note.text, signatures }
}

const dash = '\u2014 '

function parseSignature(line: string): NoteSignature {
  const [name = '', encoded = ''] = line.slice(dash.length).split(' ')
  if (!line.startsWith(dash)) throw new Refused('malformed', 'not a signature line of a note')
  checkKeyName(name)
  const bytes = parseBase64(encoded, `the signature of ${name}`)
  if (bytes.length < 5) throw new Refused('malformed', `the signature of ${name} is cut short`)
  const id = bytes.subarray(0, 4).reduce((value, byte) => value * 256 + byte, 0)
  return { name, id, signature: bytes.slice(4) }
}

function formatSignature({ name, id, signature }: NoteSignature): string {
  return `${dash}${checkKeyName(name)} ${formatBase64(new Writer().uint32(id).bytes(signature).finish())}\n`
}

/** ASCII control characters other than newline. */
function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x0a) return true
  }
  return false
}
