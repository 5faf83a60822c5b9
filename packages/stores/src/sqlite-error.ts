/** The primary result code of an error of `node:sqlite`; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff
}

/** Another process, or another connection, has the lock. */
export const sqliteBusy = 5

/**
 * Whether the file itself is at fault: SQLITE_ERROR (its tables are others), SQLITE_CORRUPT, SQLITE_NOTADB.
 */
export function isBrokenFile(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 1 || code === 11 || code === 26
}
