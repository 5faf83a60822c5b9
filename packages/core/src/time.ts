import { Refused } from './refused.ts'

/** Milliseconds since 1970 as `2026-11-23T03:17:00.000Z` (RFC 3339, UTC, three decimals). */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** Strict: only the one spelling that `formatTime` writes, years 1970 to 9999. Throws `malformed`. */
export function parseTime(text: string, what: string): number {
  const ms = text.length === 24 ? Date.parse(text) : Number.NaN
  if (!(ms >= 0) || formatTime(ms) !== text) throw new Refused('malformed', `${what} is not a time in UTC`)
  return ms
}
