import * as crypto from 'node:crypto'
import { parseConfig } from '@ledgerstone/border/config'
import { createKeyFile, readKeyFile, replaceKeyFile } from '@ledgerstone/border/key-file'
import { Type } from '@ledgerstone/border/typebox'
import { Refused } from '@ledgerstone/core/refused'

/** One person who may sign in. */
export type User = {
  /** Also the `sub` of tokens: never given to another person. */
  readonly name: string
  readonly displayName?: string
  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, salt 16 and hash 32 bytes in base64url (RFC 7914). */
  readonly password: string
  /** What the person may do at most, whatever client asks. */
  readonly scopes: readonly string[]
  readonly disabled?: boolean
}

const closed = { additionalProperties: false }

const schema = Type.Object(
  {
    v: Type.Literal(1),
    users: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^[a-z0-9][a-z0-9._@-]{0,63}$' }),
          displayName: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
          password: Type.String({
            pattern: '^scrypt\\$1[0-9]\\$[0-9]{1,2}\\$[0-9]{1,2}\\$[A-Za-z0-9_-]{22}\\$[A-Za-z0-9_-]{43}$',
          }),
          scopes: Type.Array(Type.String({ minLength: 1, maxLength: 100 })),
          disabled: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
  },
  closed,
)

/** The people of a file, by name. Throws `bad-config`, and `bad-key-file` when others may read it. */
export function readUsers(path: string): ReadonlyMap<string, User> {
  const { users } = parseConfig(readKeyFile(path), schema, path) as { users: readonly User[] }
  const byName = new Map(users.map((user) => [user.name, user]))
  if (byName.size !== users.length) throw new Refused('bad-config', `${path} names someone twice`)
  return byName
}

export function createUsers(path: string, users: readonly User[]): void {
  createKeyFile(path, formatUsers(users))
}

/** Adds a person to the file, or changes the one of that name. */
export function putUser(path: string, user: User): void {
  replaceKeyFile(path, formatUsers([...new Map(readUsers(path)).set(user.name, user).values()]))
}

/** 128 MiB and about 0.3 s a guess (OWASP's recommendation). Tests take less. */
const defaultCost = 17
const blockSize = 8
const parallel = 1

export async function hashPassword(password: string, cost: number = defaultCost): Promise<string> {
  const salt = crypto.randomBytes(16)
  const hash = await scrypt(password, salt, cost, blockSize, parallel)
  return ['scrypt', cost, blockSize, parallel, salt.toString('base64url'), hash.toString('base64url')].join(
    '$',
  )
}

/** Takes as long for a name that nobody has, so that names cannot be found out by the clock. */
export async function isPassword(user: User | undefined, password: string): Promise<boolean> {
  const stored = user?.password ?? nobody
  const [, cost, r, p, salt = '', hash = ''] = stored.split('$')
  const expected = Buffer.from(hash, 'base64url')
  const got = await scrypt(password, Buffer.from(salt, 'base64url'), Number(cost), Number(r), Number(p))
  return crypto.timingSafeEqual(got, expected) && user !== undefined && user.disabled !== true
}

/** Of a password that was never known. */
const nobody = ['scrypt', defaultCost, blockSize, parallel, 'A'.repeat(22), 'A'.repeat(43)].join('$')

function formatUsers(users: readonly User[]): string {
  return `${JSON.stringify({ v: 1, users }, null, 2)}\n`
}

function scrypt(password: string, salt: Buffer, cost: number, r: number, p: number): Promise<Buffer> {
  const N = 2 ** cost
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const options = { N, r, p, maxmem: 2 * 128 * N * r }
  // NFKC: the same password typed on another keyboard has the same bytes.
  crypto.scrypt(password.normalize('NFKC'), salt, 32, options, (error, key) =>
    error ? reject(error) : resolve(key),
  )
  return promise
}
