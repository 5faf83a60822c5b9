/** What of a text is shown as it is, and what is shown by its number because it would not be seen. */
export type SafePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unseen'; readonly name: string; readonly at: number }

// Control and format characters (bidirectional ones among them) but tab and line feed; halves of characters;
// characters of private use; and more marks on one letter than any script has.
const unseen = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]|(?<=\p{M}{4})\p{M}+/gu

/**
 * Texts come from strangers: whoever seals a record names it. None of them may turn the rest of a line
 * around, hide a part of itself, or grow over its neighbours.
 */
export function safeParts(text: string): readonly SafePart[] {
  const parts: SafePart[] = []
  let from = 0
  for (const { 0: found, index } of text.matchAll(unseen)) {
    if (index > from) parts.push({ kind: 'text', text: text.slice(from, index) })
    parts.push({ kind: 'unseen', name: nameOf(found), at: index })
    from = index + found.length
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) })
  return parts
}

function nameOf(found: string): string {
  if (/^\p{M}/u.test(found)) return `+${[...found].length} marks`
  return `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
