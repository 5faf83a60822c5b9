import { writeFileSync } from 'node:fs'

/** Writes to a new file, 0600 because it may hold a record in clear; to standard output without a path. */
export function writeTo(path: string | undefined, content: string | Uint8Array): void {
  if (path === undefined) process.stdout.write(content)
  else writeFileSync(path, content, { mode: 0o600 })
}
