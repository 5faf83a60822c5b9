// The shapes of requests and answers as the API's description tells them. Bodies and answers are not checked
// by these: the core decodes bodies by hand, and answers are written as they are.
import { Type } from '@ledgerstone/border/typebox'
import type { TSchema } from 'typebox'

const hash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 in hexadecimal' })
const size = Type.Integer({ minimum: 0 })
const index = Type.Integer({ minimum: 0 })
const kid = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'base64url SHA-256 of the key' })
const time = Type.String({ format: 'date-time' })
const json = Type.Record(Type.String(), Type.Unknown())

export const octets: TSchema = Type.Unsafe({ type: 'string', format: 'binary' })
export const text: TSchema = Type.String()

const exampleHash = '5c0f2c8f5d1b4a54f3b0d53df0f8b8c1cf8d5bb4f0f9b7a0f8e3a3b0a1c2d3e4'

export const sealedRecord: TSchema = Type.Object(
  {
    statement: Type.String({ description: "The sender's statement: a compact JWS" }),
    envelope: Type.Optional(
      Type.Object(
        {
          suite: Type.String(),
          signer: kid,
          objecta: Type.String({ description: 'key signature, base64' }),
          objectb: Type.String({ description: 'ciphertext, hexadecimal' }),
          labels: json,
          receivers: Type.Array(
            Type.Object({
              kid,
              objectc: Type.String({ description: 'wrapped key, hexadecimal' }),
              params: Type.Optional(Type.String({ description: 'base64' })),
            }),
          ),
        },
        { description: 'left out when the statement has a body' },
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'A sealed record',
    examples: [
      {
        statement: 'eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoi….eyJjb250ZW50Ijp7….MEUCIQ…',
        envelope: {
          suite: 'rsa-aes-cfb',
          signer: 'gQ6lTnS8v8pX0kXkW1c0m3qJ5fG7hL2nB4vD9sA1eRz',
          objecta: 'YuKUVFsEGGJjmm+T…',
          objectb: 'fedfa1c4300e6d82…',
          labels: { media: 'application/json', meta: { country: 'GB' } },
          receivers: [{ kid: 'Yt7uI8oP9aS0dF1gH2jK3lZ4xC5vB6nM7qW8eR9tY0u', objectc: '60c3b8c05a6dc97d…' }],
        },
      },
    ],
  },
)

const appendedMembers = {
  bucket: Type.String(),
  index,
  hash,
  prevhash: hash,
  time,
  size: Type.Integer({ minimum: 1, description: 'of the head that `checkpoint` signs' }),
  final: Type.Boolean({ description: 'whether `checkpoint` satisfies the policy' }),
  checkpoint: Type.String({ description: 'a signed note that covers the block' }),
  receipt: Type.Optional(Type.String({ description: 'C2SP tlog-proof; once final, when asked for' })),
}

const exampleAppended = {
  bucket: 'payments',
  index: 7,
  hash: exampleHash,
  prevhash: exampleHash.split('').reverse().join(''),
  time: '2026-11-23T03:17:00.000Z',
  size: 8,
  final: false,
  checkpoint: 'ledger.example.com/log/payments\n8\n…\n\n— ledger.example.com/log/payments …\n',
}

export const appended: TSchema = Type.Object(appendedMembers, {
  description: 'The block: durable, sequenced and signed for',
  examples: [exampleAppended],
})

export const batchResults: TSchema = Type.Object(
  {
    results: Type.Array(
      Type.Union([
        Type.Object({ status: Type.Integer({ enum: [200, 201] }), ...appendedMembers }),
        Type.Object({ status: Type.Integer(), code: Type.String(), detail: Type.String() }),
      ]),
    ),
  },
  {
    description: 'One result for each record, in order',
    examples: [
      {
        results: [
          { status: 201, ...exampleAppended },
          {
            status: 422,
            code: 'bad-signature',
            detail: 'the statement is not signed by the key that it names',
          },
        ],
      },
    ],
  },
)

const bucketState = Type.Object({
  kind: Type.String({ enum: ['open', 'read-only'] }),
  code: Type.Optional(Type.String({ description: 'why the bucket takes no appends' })),
  detail: Type.Optional(Type.String()),
})

export const bucketSummary: TSchema = Type.Object({
  name: Type.String(),
  origin: Type.String(),
  size: Type.Union([size, Type.Null()], { description: 'null when the bucket cannot be read' }),
  final: Type.Optional(Type.Union([size, Type.Null()], { description: 'blocks that are final' })),
  state: Type.Optional(bucketState),
})

export const bucketDetail: TSchema = Type.Object({
  name: Type.String(),
  origin: Type.String(),
  size,
  vkeys: Type.Array(Type.String(), { description: 'verifier keys of the log (C2SP)' }),
  head: Type.String({ description: 'note on the newest committed head' }),
  final: Type.Union([Type.String(), Type.Null()], { description: 'newest final checkpoint' }),
  state: bucketState,
})

export const block: TSchema = Type.Object({
  bucket: Type.String(),
  index,
  hash,
  prevhash: hash,
  nexthash: Type.Union([hash, Type.Null()]),
  time,
  keys: Type.Integer({ description: 'size of the key registry that judged the statement' }),
  final: Type.Boolean(),
  sender: kid,
  payload: json,
  statement: Type.String(),
  envelope: Type.Union([
    Type.Object({
      suite: Type.String(),
      signer: kid,
      labels: json,
      receivers: Type.Array(kid),
      bytes: Type.Integer({ description: 'of ciphertext' }),
    }),
    Type.Null(),
  ]),
})

export const blockPage: TSchema = Type.Object({
  bucket: Type.String(),
  size,
  complete: Type.Integer({
    description: 'blocks below this index were looked at; the answer says nothing of later ones',
  }),
  next: Type.Optional(Type.Integer({ description: '`from` of the next page' })),
  blocks: Type.Array(block),
})

export const articlePayload: TSchema = Type.Object({
  name: Type.String(),
  statuscode: Type.String(),
  status: Type.String(),
  message: Type.String(),
  blockchain: Type.Array(
    Type.Object({
      index,
      metainfo: Type.String(),
      objecta: Type.String(),
      objectb: Type.String(),
      objectc: Type.String(),
      timestamp: Type.String(),
      hash: Type.String(),
      prevhash: Type.String(),
    }),
  ),
})
