// What every route answers besides its own, as an API's description tells it. Nothing is checked by these.

import type { TSchema } from 'typebox'
import { Type } from './typebox.ts'

const problem: TSchema = Type.Object(
  {
    type: Type.String({ description: '`urn:ledgerstone:error:` and the code' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'stable; what programs go by' }),
    detail: Type.String(),
    id: Type.Optional(Type.String({ description: 'of unexpected failures: the same id is in the log' })),
  },
  { description: 'A problem document (RFC 9457)' },
)

/** Merged into the answers of every route. */
export const refusals: Readonly<Record<string, TSchema>> = {
  '4xx': content('application/problem+json', problem, 'Refused, and why'),
  '5xx': content('application/problem+json', problem, 'Not now'),
}

/** Beside `refusals`, of a route whose path or query names something: it is not there. */
export function notThere(description: string): Readonly<Record<string, TSchema>> {
  return { '404': content('application/problem+json', problem, description) }
}

/** An answer of another media type than JSON. */
export function content(mediaType: string, schema: TSchema, description: string): TSchema {
  return { description, content: { [mediaType]: { schema } } } as TSchema
}
