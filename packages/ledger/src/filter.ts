// What a list is narrowed down by: the query's members, for the document store.
import { decodeKid } from '@ledgerstone/core/kid'
import { checkTypeName } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { parseTime } from '@ledgerstone/core/time'
import type { DocumentFilter } from '@ledgerstone/log/documents'

const metaPrefix = 'meta.'

/** The filter of a query whose form is checked, or undefined when it names none. Throws `bad-query`. */
export function parseFilter(query: Readonly<Record<string, unknown>>): DocumentFilter | undefined {
  const text = (name: string): string | undefined => query[name] as string | undefined
  const meta = Object.entries(query).filter(([name]) => name.startsWith(metaPrefix))
  const type = checked(text('type'), checkTypeName, 'type is the name of a record type')
  const [sender, receiver] = (['sender', 'receiver'] as const).map((name) =>
    checked(text(name), (kid) => decodeKid(kid, name), `${name} is a kid: 43 characters of base64url`),
  )
  const [timeFrom, timeTo] = [timeOf(text('time_from'), 0), timeOf(text('time_to'), dayMs - 1)]
  const filter: DocumentFilter = {
    ...(type !== undefined && { type }),
    ...(sender !== undefined && { sender }),
    ...(receiver !== undefined && { receiver }),
    ...(timeFrom !== undefined && { timeFrom }),
    ...(timeTo !== undefined && { timeTo }),
    ...(meta.length > 0 && {
      meta: Object.fromEntries(meta.map(([name, value]) => [name.slice(metaPrefix.length), value as string])),
    }),
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}

/** The value, if there is one, in good form: one that nothing can have would find nothing and not say why. */
function checked(
  value: string | undefined,
  check: (value: string) => unknown,
  form: string,
): string | undefined {
  try {
    if (value !== undefined) check(value)
    return value
  } catch (cause) {
    throw new Refused('bad-query', form, { cause })
  }
}

const dayMs = 86_400_000

/** A time in UTC, or a whole day: its first millisecond, plus what takes one to its last. */
function timeOf(text: string | undefined, withinDayMs: number): number | undefined {
  if (text === undefined) return undefined
  try {
    if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text))
      return parseTime(`${text}T00:00:00.000Z`, 'it') + withinDayMs
    return parseTime(text.replace(/^([^.]{19})Z$/, '$1.000Z'), 'it')
  } catch (cause) {
    const forms = 'a day 2026-11-23, or a time in UTC 2026-11-23T03:17:00Z or 2026-11-23T03:17:00.000Z'
    throw new Refused('bad-query', `a bound of the time is ${forms}`, { cause })
  }
}
