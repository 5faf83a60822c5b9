// What a person types to get to a block.

export type Target =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'hash'; readonly hash: string }
  /** Milliseconds since 1970; the first block at or after it is meant. */
  | { readonly kind: 'time'; readonly ms: number }

/**
 * `420`, `#1,204`, a hash of 64 hexadecimal characters, a day `2026-11-23`, or a time `2026-11-23 09:06`, in
 * the person's zone unless it names another. Undefined for anything else.
 */
export function parseTarget(text: string): Target | undefined {
  const typed = text.trim()
  const digits = typed.replace(/^#/, '').replaceAll(/[,. ]/g, '')
  if (/^#?[0-9][0-9,. ]*$/.test(typed) && Number.isSafeInteger(Number(digits))) {
    return { kind: 'index', index: Number(digits) }
  }
  if (/^[0-9a-f]{64}$/i.test(typed)) return { kind: 'hash', hash: typed.toLowerCase() }
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?) ?(Z|UTC)?)?$/i.exec(typed)
  if (parts === null) return undefined
  const [, day, clock = '00:00', zone] = parts
  const ms = Date.parse(`${day}T${clock}${zone === undefined ? '' : 'Z'}`)
  return Number.isNaN(ms) ? undefined : { kind: 'time', ms }
}
