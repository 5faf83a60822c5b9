import * as crypto from 'node:crypto'
import { checkConfig } from '@ledgerstone/border/config'
import { createKeyFile, readKeyFile, replaceKeyFile } from '@ledgerstone/border/key-file'
import { Type } from '@ledgerstone/border/typebox'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { JWK } from 'oidc-provider'
import type { Static, TSchema } from 'typebox'

/**
 * A retired key stays published until every token that it signed has expired, and a minute longer for clocks
 * that differ.
 */
export const retiredKeyMs: number = (limits.tokenLifetimeSecondsMax + 60) * 1000

/** One key of the file; `retired` is when it stopped signing. */
type StoredKey = { readonly jwk: JWK; readonly retired: string | null }

/** Creates the file (0600) with one fresh ES256 key. Throws `bad-key-file` when it exists. */
export function createKeys(path: string): void {
  createKeyFile(path, formatKeys([{ jwk: generateKey(), retired: null }]))
}

/**
 * The private key set for oidc-provider, the signing key first (it signs with the first that fits), then the
 * retired ones whose tokens may still be about. Throws `bad-key-file`.
 */
export function readKeys(path: string, nowMs: number): { keys: JWK[] } {
  const keys = parseKeys(path).filter((key) => isPublished(key, nowMs))
  return { keys: keys.map((key) => key.jwk) }
}

/** A fresh key signs from now on; the old one only verifies, until its last token has expired. */
export function rotateKeys(path: string, nowMs: number): void {
  const retired = new Date(nowMs).toISOString()
  const old = parseKeys(path)
    .filter((key) => isPublished(key, nowMs))
    .map((key) => ({ jwk: key.jwk, retired: key.retired ?? retired }))
  replaceKeyFile(path, formatKeys([{ jwk: generateKey(), retired: null }, ...old]))
}

/** Cookie signing keys: 256 random bits each, the first one signs. */
export function createCookieKeys(path: string): void {
  createKeyFile(
    path,
    `${JSON.stringify({ v: 1, keys: [crypto.randomBytes(32).toString('base64url')] }, null, 2)}\n`,
  )
}

export function readCookieKeys(path: string): string[] {
  return [...checkFile(path, cookieSchema).keys]
}

const closed = { additionalProperties: false }

const cookieSchema = Type.Object(
  { v: Type.Literal(1), keys: Type.Array(Type.String({ minLength: 43 }), { minItems: 1 }) },
  closed,
)

const coordinate = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const keySchema = Type.Object(
  {
    v: Type.Literal(1),
    keys: Type.Array(
      Type.Object(
        {
          jwk: Type.Object(
            {
              kty: Type.Literal('EC'),
              crv: Type.Literal('P-256'),
              alg: Type.Literal('ES256'),
              use: Type.Literal('sig'),
              kid: coordinate,
              x: coordinate,
              y: coordinate,
              d: coordinate,
            },
            closed,
          ),
          retired: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
        },
        closed,
      ),
      { minItems: 1 },
    ),
  },
  closed,
)

function parseKeys(path: string): readonly StoredKey[] {
  const { keys } = checkFile(path, keySchema)
  if (keys.filter((key) => key.retired === null).length !== 1 || keys[0]?.retired !== null) {
    throw new Refused('bad-key-file', `${path} must have one key that is not retired, and have it first`)
  }
  return keys
}

/** No parser's message may quote such a file. */
function checkFile<T extends TSchema>(path: string, schema: T): Static<T> {
  let value: unknown
  try {
    value = JSON.parse(readKeyFile(path))
  } catch (error) {
    if (error instanceof Refused) throw error
    throw new Refused('bad-key-file', `${path} is not JSON`)
  }
  return checkConfig(value, schema, path)
}

function formatKeys(keys: readonly StoredKey[]): string {
  return `${JSON.stringify({ v: 1, keys }, null, 2)}\n`
}

function isPublished(key: StoredKey, nowMs: number): boolean {
  return key.retired === null || Date.parse(key.retired) + retiredKeyMs > nowMs
}

function generateKey(): JWK {
  const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { crv = '', kty = '', x = '', y = '', d = '' } = privateKey.export({ format: 'jwk' })
  const kid = crypto.hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url') // RFC 7638
  return { kty, crv, alg: 'ES256', use: 'sig', kid, x, y, d }
}
