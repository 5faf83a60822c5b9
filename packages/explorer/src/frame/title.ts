/** What stands in the browser's tab: where the person is. */
export function titleOf(path: string): string {
  const [first = '', second = '', third, fourth] = path.slice(1).split('/').map(decode)
  const pages: Readonly<Record<string, string>> = { verify: 'Verify', keys: 'Keys', exchange: 'Exchange' }
  const page =
    first === 'buckets'
      ? third === 'blocks'
        ? `${second} #${fourth}`
        : second
      : (pages[first] ?? 'Overview')
  return `${page} · Ledgerstone`
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // not percent-encoded as it should be: shown as it is
  }
}
