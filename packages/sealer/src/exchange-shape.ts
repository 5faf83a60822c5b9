// An exchange as the API's description tells it (exchange-view.ts has the words). Answers are written as they
// are.
import { Type } from '@ledgerstone/border/typebox'
import type { ExchangeState } from '@ledgerstone/exchange/exchange-state'
import type { TSchema } from 'typebox'

const time = Type.String({ format: 'date-time', description: 'by the clock of this service' })
const fingerprint = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the certificate' })
const kid = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const states: readonly ExchangeState[] = [
  ...(['awaiting-client', 'scheduled', 'open', 'talking', 'awaiting-confirmation', 'confirmed'] as const),
  ...(['registered', 'expired', 'refused', 'cancelled', 'failed'] as const),
]
const purpose = Type.String({ enum: ['sign', 'receive'] })

export const exchangeShape: TSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    state: Type.String({ enum: [...states] }),
    owner: Type.String(),
    assurance: Type.String({ enum: ['token', 'sas', 'two-person'] }),
    createdBy: Type.String({ description: 'issuer, client and person' }),
    joinedBy: Type.Optional(Type.String()),
    now: time,
    openAt: time,
    closesAt: time,
    opensOnJoin: Type.Optional(Type.Boolean()),
    port: Type.Integer(),
    instance: Type.Optional(Type.String({ description: 'the pod that listens' })),
    certificate: Type.Optional(Type.String({ description: 'PEM, of the server; TLS takes no other' })),
    fingerprint: Type.Optional(fingerprint),
    clientFingerprint: Type.Optional(fingerprint),
    refusedConnections: Type.Integer({ minimum: 0 }),
    string: Type.Optional(Type.String({ description: 'the short string of the server, such as 7XK2-M9QF' })),
    keys: Type.Optional(Type.Array(Type.Object({ kid, purpose, replaces: Type.Optional(kid) }))),
    confirmedBy: Type.Optional(Type.String()),
    blocks: Type.Optional(
      Type.Array(Type.Object({ kid, index: Type.Integer({ minimum: 0 }), hash: Type.String() })),
    ),
    approvalsMissing: Type.Optional(Type.Integer({ minimum: 0 })),
    code: Type.Optional(Type.String({ description: 'why it ended' })),
    detail: Type.Optional(Type.String()),
  },
  { description: 'An exchange' },
)
