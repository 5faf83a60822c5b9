// The shapes of answers about keys, as the API's description tells them. They are core/key-view.ts.

import { Type } from '@ledgerstone/border/typebox'
import { keyStates } from '@ledgerstone/core/key-life'
import type { TSchema } from 'typebox'

const kid = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'base64url SHA-256 of the key' })
const hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const index = Type.Integer({ minimum: 0, description: 'a block of keys' })
const time = Type.String({ format: 'date-time' })
const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()])
const purpose = Type.Unsafe({ type: 'string', enum: ['sign', 'receive'] })
const assurance = Type.Unsafe({ type: 'string', enum: ['local', 'token', 'sas', 'two-person'] })

const asked: TSchema = Type.Object(
  {
    change: Type.Unsafe({ type: 'string', enum: ['register', 'rotate', 'revoke', 'log-keys', 'policy'] }),
    kid: Type.Optional(kid),
    owner: Type.Optional(Type.String()),
    purpose: Type.Optional(purpose),
    assurance: Type.Optional(assurance),
    replaces: Type.Optional(kid),
    reason: Type.Optional(Type.String()),
    suspectFrom: Type.Optional(orNull(time)),
    log: Type.Optional(Type.String()),
    logKeys: Type.Optional(Type.Array(Type.String())),
    policy: Type.Optional(hash),
  },
  { description: 'what is asked of the registry; which members there are depends on `change`' },
)

const missing = Type.Integer({ minimum: 0, description: 'how many more owners must approve' })

const pending: TSchema = Type.Object({
  id: Type.String({
    pattern: '^[0-9a-f]{64}$',
    description: 'hash of the block that asks; approvals name it',
  }),
  index,
  missing,
  owners: Type.Array(Type.String(), { description: 'who asked or approved' }),
  asked,
})

const keyMembers = {
  kid,
  owner: Type.String(),
  purpose,
  kind: Type.String({ description: '`Ed25519`, `P-256`, `RSA`, `ML-DSA-65`' }),
  roles: Type.Array(Type.String()),
  assurance,
  key: Type.String({ description: 'SPKI, base64url' }),
  state: Type.Unsafe({ type: 'string', enum: [...keyStates] }),
  expiresSoon: Type.Boolean({ description: 'active, and over within 30 days' }),
  requested: index,
  effective: orNull(index),
  notBefore: orNull(time),
  notAfter: orNull(time),
  revoked: orNull(Type.Object({ index, reason: Type.String(), suspectFrom: orNull(time) })),
  replaced: orNull(Type.Object({ index, by: kid })),
  pending: Type.Array(pending),
}

const size = Type.Integer({ minimum: 1, description: 'of the bucket keys' })
const threshold = Type.Integer({
  minimum: 1,
  description: 'how many owners must ask for and approve a change',
})

export const keyPage: TSchema = Type.Object({
  size,
  threshold,
  keys: Type.Array(Type.Object(keyMembers)),
  pending: Type.Array(pending, { description: 'of all keys, log keys and policies' }),
  next: Type.Optional(Type.String({ description: '`after` of the next page' })),
})

const pageMembers = {
  history: Type.Array(
    Type.Object({
      index,
      hash,
      time,
      event: Type.Unsafe({ type: 'string', enum: ['genesis', 'register', 'rotate', 'revoke'] }),
      signer: Type.Object({ kid, owner: Type.String() }),
      approves: orNull(hash),
      counts: Type.Boolean({ description: 'whether what was asked took effect with this block' }),
      missing,
      asked: orNull(asked),
      final: Type.Boolean(),
      receiptPath: Type.String({ description: 'where the block’s receipt is' }),
      receipt: Type.Optional(Type.String({ description: 'C2SP tlog-proof' })),
    }),
  ),
  next: Type.Optional(Type.Integer({ description: '`from` of the next page' })),
}

export const keyEventPage: TSchema = Type.Object(pageMembers)
export const keyDetail: TSchema = Type.Object({ size, threshold, ...keyMembers, ...pageMembers })
