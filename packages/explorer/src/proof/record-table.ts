// A record as rows for reading. Values keep the spelling that was sealed: 1.10 is not 1.1.
import { isObject, parseJson } from '@ledgerstone/core/canonical'
import { elementSources, memberSources } from '@ledgerstone/core/json-source'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'

/** `name` leads to the value: `customer.address[0].city`. */
export type Row = { readonly name: string; readonly value: string }

const rowsMax = 1000

/**
 * Undefined for what is no JSON object or list, or an empty one, has a member twice, or is too long for a
 * table.
 */
export function tableOf(text: string): readonly Row[] | undefined {
  const rows: Row[] = []
  try {
    const value = parseJson(text, 'the record')
    if (typeof value !== 'object' || value === null) return undefined
    add(rows, '', text.trim(), 0)
    return rows.length === 1 && rows[0]?.name === '' ? undefined : rows
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}

function add(rows: Row[], name: string, source: string, depth: number): void {
  if (rows.length === rowsMax) throw new Refused('too-large', 'too many rows for a table')
  const inner = depth < limits.jsonDepthMax ? innerOf(name, source) : []
  if (inner.length === 0) rows.push({ name, value: shown(source) })
  for (const [at, part] of inner) add(rows, at, part, depth + 1)
}

/** Members or elements; none for a scalar, and for an empty list or object, which is shown as such. */
function innerOf(name: string, source: string): readonly (readonly [string, string])[] {
  if (source.startsWith('['))
    return elementSources(source, 'the record').map((part, i) => [`${name}[${i}]`, part])
  if (!isObject(parseJson(source, 'the record'))) return []
  const before = name === '' ? '' : `${name}.`
  return [...memberSources(source, 'the record')].map(([member, part]) => [`${before}${member}`, part])
}

/** A string's characters; anything else as it is spelled. */
function shown(source: string): string {
  return source.startsWith('"') ? (JSON.parse(source) as string) : source
}
