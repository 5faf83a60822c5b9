import * as crypto from 'node:crypto'
import { parseBase64url, textOf } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { nonceNeeded, type TokenAlgorithm } from './challenge.ts'

/**
 * What a proof must be about: base64url SHA-256 of the access token, and the thumbprint of the key it is
 * bound to.
 */
export type Bound = { readonly ath: string; readonly jkt: string }

type Request = {
  readonly method: string
  readonly url: string
  readonly headers: { readonly dpop?: string | string[] | undefined }
}

export type ProofOptions = {
  /** Base URLs without a slash at the end, under which callers reach the service. */
  readonly publicUrls: readonly string[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly nonceKey?: Uint8Array | undefined
  /** How many proofs are remembered against replay. */
  readonly proofsMax?: number
}

export type Proofs = {
  /** Throws `bad-proof-of-possession`, or `rate-limited` when no further proof can be remembered. */
  check(request: Request, bound: Bound): void
  nonce(): string | undefined
}

/**
 * The checks of RFC 9449 section 4.3, synchronously: a proof comes with every request, and asynchronous
 * verification would queue in the thread pool that belongs to the disk.
 *
 * A proof counts once, within 60 s of its `iat`, for one method and one URL of this service. The memory of
 * used proofs is this process's: services with several replicas set `nonceKey` or keep a caller at one
 * replica.
 */
export function createProofs(options: ProofOptions): Proofs {
  const { now } = options
  const bases = options.publicUrls.map((url) => url.replace(/\/$/, ''))
  const keys = createKeyMemory()
  const used = createUsed(options.proofsMax ?? 1_000_000)
  const nonces = options.nonceKey === undefined ? undefined : createNonces(options.nonceKey, now)

  function check(request: Request, bound: Bound): void {
    const { input, header, payload, signature } = splitProof(request.headers.dpop)
    const key = keys.of(header)
    if (key.jkt !== bound.jkt) refuse('is by another key than the access token is bound to')
    if (!crypto.verify(key.digest, Buffer.from(input), key.verifyKey, signature))
      refuse('has a bad signature')
    const claims = parseObject(payload, 'payload')
    if (claims['htm'] !== request.method) refuse('is for another method')
    if (!isHere(claims['htu'], request.url, bases)) refuse('is for another URL')
    if (claims['ath'] !== bound.ath) refuse('is for another access token')
    checkAge(claims['iat'], now())
    if (nonces !== undefined && !nonces.has(claims['nonce']))
      throw new Refused('bad-proof-of-possession', nonceNeeded)
    const jti = claims['jti']
    if (typeof jti !== 'string' || jti === '' || jti.length > jtiCharsMax) refuse('has no usable jti')
    used.add(`${bound.jkt}${jti}`, now())
  }

  return { check, nonce: () => nonces?.current() }
}

const proofAgeMsMax = 60_000
const proofLeadMsMax = 5000
const proofCharsMax = 4096
const jtiCharsMax = 128

function refuse(what: string): never {
  throw new Refused('bad-proof-of-possession', `the DPoP proof ${what}`)
}

type Proof = { input: string; header: string; payload: string; signature: Uint8Array }

/** Exactly one header with one compact JWS. Node joins repeated headers by a comma, which no JWS contains. */
function splitProof(header: string | string[] | undefined): Proof {
  if (header === undefined) refuse('is missing')
  if (typeof header !== 'string' || header.length > proofCharsMax) refuse('is not one proof')
  const parts = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(header)
  if (parts === null) refuse('is not one JWS')
  const [, protectedHeader = '', payload = '', signature = ''] = parts
  return {
    input: `${protectedHeader}.${payload}`,
    header: protectedHeader,
    payload,
    signature: parseBase64url(signature, 'the DPoP proof'),
  }
}

function parseObject(base64url: string, part: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(textOf(parseBase64url(base64url, part), part))
  } catch {
    refuse(`has a ${part} that is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(`has a ${part} that is no object`)
  return value as Record<string, unknown>
}

type ProofKey = { jkt: string; digest: string | null; verifyKey: crypto.VerifyKeyObjectInput }

/** A client's proofs all begin with the same header: parsing the key in it once is most of a proof's cost. */
function createKeyMemory(): { of(header: string): ProofKey } {
  const known = new Map<string, ProofKey>()
  return {
    of(header) {
      const found = known.get(header)
      if (found !== undefined) return found
      const key = readKey(parseObject(header, 'header'))
      if (known.size >= 10_000) known.clear()
      known.set(header, key)
      return key
    },
  }
}

/**
 * Per algorithm: the digest that OpenSSL wants, its options, and the only kind of key it may be used with.
 */
const algorithms: Readonly<
  Record<string, { digest: string | null; options: object; kty: string; crv?: string }>
> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' }, kty: 'EC', crv: 'P-256' },
  EdDSA: { digest: null, options: {}, kty: 'OKP', crv: 'Ed25519' },
  Ed25519: { digest: null, options: {}, kty: 'OKP', crv: 'Ed25519' },
  PS256: {
    digest: 'sha256',
    options: { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    kty: 'RSA',
  },
} satisfies Record<TokenAlgorithm, object>

function readKey(header: Record<string, unknown>): ProofKey {
  const { typ, alg, jwk, crit } = header
  if (typ !== 'dpop+jwt') refuse('has another typ than dpop+jwt')
  if (crit !== undefined) refuse('has critical headers that are not known here')
  const algorithm = typeof alg === 'string' && Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined
  if (algorithm === undefined) refuse('has an algorithm that is not taken here')
  if (typeof jwk !== 'object' || jwk === null) refuse('has no jwk')
  const { kty, crv, d, k, e, n, x, y } = jwk as crypto.webcrypto.JsonWebKey
  if (d !== undefined || k !== undefined) refuse('carries a private or symmetric key')
  if (kty !== algorithm.kty || crv !== algorithm.crv) refuse('has a key of another kind than its algorithm')
  const members = kty === 'EC' ? { crv, kty, x, y } : kty === 'OKP' ? { crv, kty, x } : { e, kty, n }
  let key: crypto.KeyObject
  try {
    key = crypto.createPublicKey({ key: members as crypto.webcrypto.JsonWebKey, format: 'jwk' })
  } catch {
    refuse('has a jwk that is no public key')
  }
  if (kty === 'RSA') checkRsa(key)
  return {
    // RFC 7638: the members in this order, without blanks
    jkt: crypto.hash('sha256', JSON.stringify(members), 'base64url'),
    digest: algorithm.digest,
    verifyKey: { key, ...algorithm.options },
  }
}

/** With e = 1 anyone can make signatures; sizes as in the key registry. */
function checkRsa(key: crypto.KeyObject): void {
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (publicExponent !== 65_537n || modulusLength < 2048 || modulusLength > 4096) refuse('has a weak RSA key')
}

/**
 * RFC 9449 section 4.3: compared without query and fragment, after normalisation (RFC 3986 section 6.2.2 and
 * 6.2.3).
 */
function isHere(htu: unknown, url: string, bases: readonly string[]): boolean {
  if (typeof htu !== 'string') return false
  const question = url.indexOf('?')
  const path = question < 0 ? url : url.slice(0, question)
  for (const base of bases) {
    if (htu === base + path) return true
  }
  const named = normalUrl(htu)
  return named !== undefined && bases.some((base) => normalUrl(base + path) === named)
}

function normalUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return undefined
  return url.origin + url.pathname
}

function checkAge(iat: unknown, nowMs: number): void {
  if (typeof iat !== 'number' || !Number.isFinite(iat)) refuse('has no iat')
  if (iat * 1000 < nowMs - proofAgeMsMax) refuse('is too old')
  if (iat * 1000 > nowMs + proofLeadMsMax) refuse('is from the future')
}

/**
 * Proofs used in the last one to two windows, in two generations, so that forgetting costs nothing. Full
 * means refusing: forgetting early would let a proof be used again.
 */
function createUsed(proofsMax: number): { add(id: string, nowMs: number): void } {
  const windowMs = proofAgeMsMax + proofLeadMsMax
  let young = new Set<string>()
  let old = new Set<string>()
  let youngSince = Number.NEGATIVE_INFINITY
  return {
    add(id, nowMs) {
      if (nowMs - youngSince > windowMs) {
        old = nowMs - youngSince > 2 * windowMs ? new Set() : young
        young = new Set()
        youngSince = nowMs
      }
      if (young.has(id) || old.has(id)) refuse('was used before')
      if (young.size >= proofsMax / 2)
        throw new Refused('rate-limited', 'too many DPoP proofs are remembered')
      young.add(id)
    },
  }
}

const nonceSlotMs = 60_000

/**
 * A nonce is a keyed hash of the minute, so that all replicas know it and none has to store it. Two minutes
 * count.
 */
function createNonces(
  key: Uint8Array,
  now: () => number,
): { current(): string; has(nonce: unknown): boolean } {
  const made = new Map<number, string>()
  function of(slot: number): string {
    const found = made.get(slot)
    if (found !== undefined) return found
    const nonce = crypto
      .createHmac('sha256', key)
      .update(`dpop nonce ${slot}`)
      .digest('base64url')
      .slice(0, 22)
    if (made.size > 4) made.clear()
    made.set(slot, nonce)
    return nonce
  }
  const slot = (): number => Math.floor(now() / nonceSlotMs)
  return {
    current: () => of(slot()),
    has: (nonce) => nonce === of(slot()) || nonce === of(slot() - 1),
  }
}
