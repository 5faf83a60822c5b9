// Asking for something on the terminal that must not appear there.
import { Refused } from '@ledgerstone/core/refused'

const keys = { enter: '\r', newline: '\n', backspace: '\b', erase: '\x7f', interrupt: '\x03', end: '\x04' }

/**
 * What is typed up to Enter, without showing it; undefined when there is no terminal. Ctrl-C and Ctrl-D throw
 * `stopping`.
 */
export async function askHidden(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) return undefined
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  try {
    let typed = ''
    for await (const text of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      const read = readKeys(typed, text)
      typed = read.typed
      if (read.done) return typed
    }
    return typed
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

/** What stands there after some more keys were pressed. Exported for the tests. */
export function readKeys(before: string, text: string): { readonly typed: string; readonly done: boolean } {
  let typed = before
  // Arrows and the like come as one text that begins with Escape.
  if (text.startsWith('\x1b')) return { typed, done: false }
  for (const key of text) {
    if (key === keys.interrupt || key === keys.end) throw new Refused('stopping', 'no passphrase was given')
    if (key === keys.enter || key === keys.newline) return { typed, done: true }
    if (key === keys.backspace || key === keys.erase) typed = [...typed].slice(0, -1).join('')
    else typed += key
  }
  return { typed, done: false }
}
