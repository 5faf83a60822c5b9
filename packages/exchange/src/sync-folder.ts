import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Names are durable only with their folder. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
