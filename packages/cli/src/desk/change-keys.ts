// POST /desk/changes: a change of the key registry, signed with keys of the desk's folder.
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import { carryOut } from '@ledgerstone/client/change-request'
import { registryChanges } from '@ledgerstone/client/registry-changes'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import type { Static } from 'typebox'
import { readListedKey } from './key-files.ts'
import { type DeskService, readerFor } from './service.ts'

const closed = { additionalProperties: false }
const kid = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const time = Type.String({ maxLength: 24, description: 'such as 2026-11-23T03:17:00.000Z' })
const keyFile = Type.Object(
  {
    name: Type.String({ maxLength: 300, description: 'a name of GET /desk/keys' }),
    passphrase: Type.Optional(Type.String({ maxLength: 1024 })),
  },
  closed,
)
const validity = { notBefore: Type.Optional(time), notAfter: Type.Optional(time) }

const register = Type.Object(
  {
    kind: Type.Literal('register'),
    key: keyFile,
    owner: Type.String({ maxLength: 127 }),
    purpose: Type.Union([Type.Literal('sign'), Type.Literal('receive')]),
    ...validity,
  },
  closed,
)
const rotate = Type.Object({ kind: Type.Literal('rotate'), old: keyFile, key: keyFile, ...validity }, closed)
const revoke = Type.Object(
  {
    kind: Type.Literal('revoke'),
    kid,
    reason: Type.String({ minLength: 1, maxLength: 500 }),
    suspectFrom: Type.Optional(time),
  },
  closed,
)
const approve = Type.Object(
  { kind: Type.Literal('approve'), id: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
  closed,
)

const asked = Type.Object(
  {
    by: keyFile,
    change: Type.Union([register, rotate, revoke, approve]),
  },
  closed,
)

type KeyFile = Static<typeof keyFile>

export function addChanges(app: App, desk: DeskService): void {
  app.post('/desk/changes', { schema: { body: asked } }, async (request, reply) => {
    const { by, change } = request.body
    const read = ({ name, passphrase }: KeyFile): Promise<OwnKey> =>
      readListedKey(desk.folder.root, name, passphrase)
    const { api, follower } = readerFor(desk, request)
    const changes = registryChanges({ api, follower, now: desk.now })
    const posted = await carryOut(changes, change, await read(by), read)
    return reply.code(201).header('cache-control', 'no-store').send(posted)
  })
}
