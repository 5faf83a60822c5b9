import { Refused } from './refused.ts'

const dayMs = 86_400_000
// Nearly all times are of one day, so only the clock is written and read each time; `text` is its date and
// a T.
let day = { text: '1970-01-01T', from: 0 }
// All blocks of one commit, and their answers, have one time.
let last = { ms: 0, text: '1970-01-01T00:00:00.000Z' }

/** Milliseconds since 1970 as `2026-11-23T03:17:00.000Z` (RFC 3339, UTC, three decimals). */
export function formatTime(ms: number): string {
  if (ms !== last.ms) last = { ms, text: format(ms) }
  return last.text
}

/** Strict: only the one spelling that `formatTime` writes, years 1970 to 9999. Throws `malformed`. */
export function parseTime(text: string, what: string): number {
  const ms = text.startsWith(day.text) ? day.from + clockOf(text) : parseAnew(text)
  if (!(ms >= 0) || formatTime(ms) !== text) throw new Refused('malformed', `${what} is not a time in UTC`)
  return ms
}

function format(ms: number): string {
  const clock = ms - day.from
  if (!(clock >= 0 && clock < dayMs && Number.isInteger(clock))) return formatAnew(ms)
  const seconds = Math.floor(clock / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = two(Math.floor(minutes / 60))
  const thousandths = `${clock % 1000}`.padStart(3, '0')
  return `${day.text}${hours}:${two(minutes % 60)}:${two(seconds % 60)}.${thousandths}Z`
}

function formatAnew(ms: number): string {
  const text = new Date(ms).toISOString()
  if (text.length === 24) day = { text: text.slice(0, 11), from: Math.floor(ms / dayMs) * dayMs }
  return text
}

function parseAnew(text: string): number {
  return text.length === 24 ? Date.parse(text) : Number.NaN
}

/** What a clock behind the date comes to; of anything else, some number that is written otherwise. */
function clockOf(text: string): number {
  const digits = (from: number, to: number): number => {
    let value = 0
    for (let i = from; i < to; i++) value = value * 10 + (text.charCodeAt(i) - 48)
    return value
  }
  return ((digits(11, 13) * 60 + digits(14, 16)) * 60 + digits(17, 19)) * 1000 + digits(20, 23)
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`
}
