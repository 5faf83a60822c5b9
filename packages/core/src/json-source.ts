// Where the values of a JSON text stand in it: for callers that must keep a value's exact bytes (1.10 is not
// 1.1).
import { parseJson } from './canonical.ts'
import { Refused } from './refused.ts'

/** A value's source text, without the white space around it. */
export type Source = string

/** The members of the object that the JSON text is; a member given twice is refused. Throws `malformed`. */
export function memberSources(text: string, what: string): ReadonlyMap<string, Source> {
  const members = new Map<string, Source>()
  const scan = scanner(text, what)
  scan.open('{')
  while (!scan.closed('}')) {
    const name = JSON.parse(scan.value()) as string
    scan.punctuation(':')
    if (members.has(name)) throw new Refused('malformed', `${what} has "${name.slice(0, 64)}" twice`)
    members.set(name, scan.value())
  }
  return members
}

/** The elements of the list that the JSON text is. Throws `malformed`. */
export function elementSources(text: string, what: string): readonly Source[] {
  const elements: Source[] = []
  const scan = scanner(text, what)
  scan.open('[')
  while (!scan.closed(']')) elements.push(scan.value())
  return elements
}

type Scanner = {
  open(bracket: string): void
  /** Whether the closing bracket stands here; otherwise passes over the comma before the next item. */
  closed(bracket: string): boolean
  punctuation(character: string): void
  value(): Source
}

/** Walks over a text that JSON.parse has accepted, so that only the extent of values is left to find. */
function scanner(text: string, what: string): Scanner {
  parseJson(text, what)
  let at = 0
  const skipSpace = (): void => {
    while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++
  }
  const punctuation = (character: string): void => {
    skipSpace()
    if (text[at] !== character) throw new Refused('malformed', `${what} does not begin with ${character}`)
    at++
  }
  return {
    open: punctuation,
    punctuation,
    closed(bracket) {
      skipSpace()
      if (text[at] === ',') at++
      skipSpace()
      return text[at] === bracket
    },
    value() {
      skipSpace()
      const start = at
      at = endOfValue(text, at)
      return text.slice(start, at)
    },
  }
}

const scalarEnd = /[,\]}\s]/g

function endOfValue(text: string, start: number): number {
  const first = text[start] as string
  if (first === '"') return endOfString(text, start)
  if (first !== '{' && first !== '[') {
    scalarEnd.lastIndex = start
    return scalarEnd.exec(text)?.index ?? text.length
  }
  let depth = 0
  for (let at = start; ; at++) {
    const character = text[at] as string
    if (character === '"') at = endOfString(text, at) - 1
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return at + 1
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
}
