// The console blocks of a Markdown page: what is typed, and what the page says is printed.

/** One line that is typed, and the lines that follow it. `^C` is a line of its own. */
export type Step = { readonly typed: string; readonly printed: readonly string[] }

export function stepsOf(markdown: string): readonly Step[] {
  const steps: { typed: string; printed: string[] }[] = []
  for (const [, block = ''] of markdown.matchAll(/```console\n(.*?)```/gs)) {
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) steps.push({ typed: line.slice(2), printed: [] })
      else if (line === '^C') steps.push({ typed: line, printed: [] })
      else steps.at(-1)?.printed.push(line)
    }
  }
  return steps
}

/**
 * Whether a text is as the page says: `…` in a line stands for anything in it, a line of `…` for any lines.
 */
export function isAsPrinted(text: string, printed: readonly string[]): boolean {
  const lines = printed.map((line) => {
    if (line === '…') return '(?:.*\\n)*'
    return `${line.split('…').map(literally).join('.*')}\\n`
  })
  const whole = text.trim() === '' ? '' : `${text.trimEnd()}\n`
  return new RegExp(`^${lines.join('')}$`).test(whole)
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
