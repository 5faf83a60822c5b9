// Records on a terminal or a page: readable, and unable to steer it.

/** JSON as it was sealed, text with its control characters shown, anything else as base64. */
export function recordText(record: Uint8Array, media: string): string {
  const text = decode(record)
  if (text === undefined) return `${media}, ${record.length} bytes in base64:\n${record.toBase64()}`
  return printable(text)
}

/** Shows controls, and the characters that turn the direction of text or hide in it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => {
    if (character === '\n' || character === '\t') return character
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** For --json: the record's text where it is UTF-8, else its base64. */
export function shownRecord(record: Uint8Array): { readonly text: string } | { readonly base64: string } {
  const text = decode(record)
  return text === undefined ? { base64: record.toBase64() } : { text }
}

function decode(record: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(record)
  } catch {
    return undefined
  }
}
