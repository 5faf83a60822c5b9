import { limits } from './limits.ts'
import { Refused } from './refused.ts'

/**
 * A statement must be issued within 24 h before and 5 min after its block's time (both milliseconds since
 * 1970), so that nobody can hold one back for a year and then insert it. Throws `stale-statement`.
 */
export function checkIssued(issued: number, blockTime: number): void {
  if (issued < blockTime - limits.statementAgeMsMax || issued > blockTime + limits.statementLeadMsMax) {
    throw new Refused(
      'stale-statement',
      'the statement was issued too long before, or after, the time of its block',
    )
  }
}
