import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Fetch } from '../src/issuer.ts'

export const issuerUrl = 'https://auth.example.com'
export const audience = 'urn:ledgerstone:ledger'
export const publicUrl = 'https://ledger.example.com'

/** A claim set to undefined is left out. */
export type Claims = Readonly<Record<string, unknown>>

export type SigningKey = { readonly kid: string; readonly privateKey: CryptoKey; readonly publicJwk: JWK }

export async function createKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/**
 * An OAuth service over no network: its discovery document, its key set, and how often each was asked for.
 */
export class FakeIssuer {
  keys: SigningKey[]
  down = false
  readonly asked: string[] = []

  constructor(...keys: SigningKey[]) {
    this.keys = keys
  }

  readonly fetch: Fetch = async (url) => {
    this.asked.push(url)
    if (this.down) throw new TypeError('fetch failed')
    if (url === `${issuerUrl}/.well-known/openid-configuration`) {
      return Response.json({ issuer: issuerUrl, jwks_uri: `${issuerUrl}/jwks` })
    }
    if (url === `${issuerUrl}/jwks`) return Response.json({ keys: this.keys.map((key) => key.publicJwk) })
    return new Response(null, { status: 404 })
  }
}

/** A sound access token of RFC 9068, less or more what the test changes. `undefined` takes a claim out. */
export async function mint(
  key: SigningKey,
  nowMs: number,
  claims: Claims = {},
  header: { typ?: string; alg?: string } = {},
): Promise<string> {
  const iat = Math.floor(nowMs / 1000)
  const payload: Claims = {
    iss: issuerUrl,
    aud: audience,
    sub: 'shop',
    client_id: 'shop',
    scope: 'append:payments read:*',
    jti: randomUUID(),
    iat,
    exp: iat + 300,
    ...claims,
  }
  const alg = header.alg ?? key.publicJwk.alg ?? 'ES256'
  return new SignJWT(payload)
    .setProtectedHeader({ typ: 'at+jwt', kid: key.kid, ...header, alg })
    .sign(key.privateKey)
}

export type ProofKey = { readonly privateKey: CryptoKey; readonly jwk: JWK; readonly jkt: string }

export async function createProofKey(alg = 'ES256'): Promise<ProofKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return { privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) }
}

/**
 * A sound DPoP proof (RFC 9449 section 4.2) for `GET {publicUrl}/v1/buckets`, less or more what the test
 * changes.
 */
export async function prove(
  key: ProofKey,
  token: string,
  nowMs: number,
  claims: Claims = {},
  header: { typ?: string; alg?: string; jwk?: JWK } = {},
): Promise<string> {
  const payload: Claims = {
    jti: randomUUID(),
    htm: 'GET',
    htu: `${publicUrl}/v1/buckets`,
    iat: Math.floor(nowMs / 1000),
    ath: createHash('sha256').update(token).digest('base64url'),
    ...claims,
  }
  return new SignJWT(payload)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk, ...header })
    .sign(key.privateKey)
}
