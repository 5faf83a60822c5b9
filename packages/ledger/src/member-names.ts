// JSON.parse takes a member that is given twice and keeps the last; whoever stands in front may have seen the
// first.
import { Refused } from '@ledgerstone/core/refused'

/**
 * Throws `malformed` when an object in the text has a member twice, `too-large` when members never end.
 * `value` is the text parsed: when it is written as the text again, which it is for nearly all callers,
 * nothing was lost.
 */
export function checkMemberNames(text: string, value: unknown): void {
  if (JSON.stringify(value) === text) return
  const objects: (Set<string> | undefined)[] = []
  let name: string | undefined
  let count = 0
  for (const [token] of text.matchAll(tokens)) {
    if (++count > tokensMax) throw new Refused('too-large', 'the body has too many members')
    if (token === '{') objects.push(new Set())
    else if (token === '[') objects.push(undefined)
    else if (token === '}' || token === ']') objects.pop()
    else if (token === ':') addName(objects.at(-1), name)
    else name = token
  }
}

/** Brackets, colons and strings of a text that is JSON; what stands between does not matter here. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g

/** A thousand records with sixteen receivers and all their labels have fewer. */
const tokensMax = 500_000

function addName(names: Set<string> | undefined, token: string | undefined): void {
  const name = JSON.parse(token as string) as string
  if (names?.has(name)) throw new Refused('malformed', `the body has "${name.slice(0, 64)}" twice`)
  names?.add(name)
}
