// A log out of nothing but entries and signers, as a client reads it: what no ledger would let stand can be
// shown.
import { type Bytes, concat } from '@ledgerstone/core/bytes'
import { encodeEntries, tileWidth } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import type { SampleLog } from '../../core/test/sample-ledger.ts'
import type { LogReader } from '../src/tiles.ts'

/** Of at most one bundle, under a checkpoint of all that the log then has. */
export function readerOf(log: () => SampleLog): LogReader {
  return {
    checkpoint: () => log().checkpoint(),
    async tile({ level, index, width }): Promise<Bytes | undefined> {
      const entries = log().entries.slice(0, width)
      if (index > 0 || entries.length < width || width > tileWidth) return undefined
      if (level === 'entries') return encodeEntries(entries)
      return level === 0 ? concat(...entries.map(leafHash)) : undefined
    },
  }
}
