// What of a TypeScript source is code: rules that look for words must not find them in comments and strings.

/**
 * The source with every character of its comments, strings, templates and regular expressions replaced by a
 * space. Quotes, line breaks and the code inside `${}` stay, so every offset and line is that of the source.
 */
export function bareOf(source: string): string {
  const out: string[] = []
  /** One entry per open template: how many braces are open in its current `${}`. */
  const templates: number[] = []
  let at = 0

  const keep = (count: number): void => {
    out.push(source.slice(at, at + count))
    at += count
  }
  const blank = (end: number): void => {
    out.push(source.slice(at, end).replace(/[^\n]/g, ' '))
    at = end
  }
  const templateText = (): void => {
    const { end, isHole } = endOfTemplateText(source, at)
    blank(end)
    if (isHole) {
      blank(at + 2)
      templates.push(0)
    } else keep(1)
  }

  while (at < source.length) {
    const char = source[at] as string
    const two = source.slice(at, at + 2)
    const open = templates.at(-1)
    if (two === '//') blank(endOf(source.indexOf('\n', at), source))
    else if (two === '/*') blank(endOf(source.indexOf('*/', at + 2) + 2, source))
    else if (char === "'" || char === '"') {
      keep(1)
      blank(endOfQuoted(source, at, char))
      keep(1)
    } else if (char === '`') {
      keep(1)
      templateText()
    } else if (char === '}' && open === 0) {
      templates.pop()
      blank(at + 1)
      templateText()
    } else if (two !== '/>' && char === '/' && startsRegex(out)) {
      keep(1)
      blank(endOfRegex(source, at))
      keep(1)
    } else {
      if (open !== undefined && char === '{') templates[templates.length - 1] = open + 1
      if (open !== undefined && char === '}') templates[templates.length - 1] = open - 1
      keep(1)
    }
  }
  return out.join('')
}

function endOf(end: number, source: string): number {
  return end <= 1 ? source.length : end
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let at = from
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1
  return at
}

function endOfTemplateText(source: string, from: number): { end: number; isHole: boolean } {
  let at = from
  while (at < source.length && source[at] !== '`') {
    if (source.startsWith('${', at)) return { end: at, isHole: true }
    at += source[at] === '\\' ? 2 : 1
  }
  return { end: at, isHole: false }
}

function endOfRegex(source: string, from: number): number {
  let at = from
  let isInClass = false
  while (at < source.length && source[at] !== '\n') {
    if (source[at] === '/' && !isInClass) return at
    if (source[at] === '[') isInClass = true
    if (source[at] === ']') isInClass = false
    at += source[at] === '\\' ? 2 : 1
  }
  return at
}

/** A slash divides after a value and starts a regular expression after anything else. */
function startsRegex(out: readonly string[]): boolean {
  const before = out.slice(-200).join('').trimEnd()
  if (before === '' || /(?:\breturn|\btypeof|\bcase|\bin|\bof|\bawait|\byield|=>)$/.test(before)) return true
  return /[(,=:[!&|?{};+\-*%~^>]$/.test(before)
}

/** The line of an offset, from 1. */
export function lineAt(source: string, offset: number): number {
  let line = 1
  for (let at = source.indexOf('\n'); at !== -1 && at < offset; at = source.indexOf('\n', at + 1)) line++
  return line
}
