// POST /desk/changes: a change of the key registry, signed with keys of the desk's folder.
import type { App } from '@ledgerstone/border/app'
import {
  type ChangePosted,
  type RegistryChanges,
  registryChanges,
} from '@ledgerstone/client/registry-changes'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { parseTime } from '@ledgerstone/core/time'
import { type Static, Type } from 'typebox'
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

type Change = Static<typeof asked>['change']
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

async function carryOut(
  changes: RegistryChanges,
  change: Change,
  by: OwnKey,
  read: (file: KeyFile) => Promise<OwnKey>,
): Promise<ChangePosted> {
  switch (change.kind) {
    case 'register': {
      const { owner, purpose } = change
      const claims = { owner, purpose, assurance: 'local', ...validityOf(change) } as const
      return changes.register(await read(change.key), claims, by)
    }
    case 'rotate': {
      const claims = { assurance: 'local', ...validityOf(change) } as const
      return changes.rotate(await read(change.old), await read(change.key), claims, by)
    }
    case 'revoke': {
      const { kid, reason, suspectFrom } = change
      const since = suspectFrom === undefined ? {} : { suspectFrom: parseTime(suspectFrom, 'suspectFrom') }
      return changes.revoke({ kid, reason, ...since }, by)
    }
    case 'approve':
      return changes.approve(change.id, by)
  }
}

function validityOf({ notBefore, notAfter }: { readonly notBefore?: string; readonly notAfter?: string }): {
  readonly notBefore?: number
  readonly notAfter?: number
} {
  return {
    ...(notBefore !== undefined && { notBefore: parseTime(notBefore, 'notBefore') }),
    ...(notAfter !== undefined && { notAfter: parseTime(notAfter, 'notAfter') }),
  }
}
