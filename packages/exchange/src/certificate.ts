// Certificates of an exchange: self-signed, or from a CA of one's own. What counts is the SHA-256 of the one
// certificate that the other side was told; names and issuers are for people.
import 'reflect-metadata'
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A certificate and its private key, both PEM. The key is for memory or a 0600 file. */
export type Identity = { readonly certificate: string; readonly key: string }

export type CertificateFacts = {
  /** `CN=...`, one line. */
  readonly subject: string
  readonly issuer: string
  /** SHA-256 of the DER, 64 hexadecimal digits. */
  readonly fingerprint: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly isCa: boolean
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** The clocks of the two sides may differ by that much. */
const skewMs = 86_400_000
const certificateBytesMax = 16_384

export type NewCertificate = {
  /** A common name: letters, digits, space and `.-_@`, at most 64 characters. */
  readonly name: string
  /** Milliseconds since 1970. */
  readonly now: number
  readonly days: number
}

/** A self-signed ECDSA P-256 certificate for one exchange. Throws `bad-name`. */
export async function createIdentity(wanted: NewCertificate): Promise<Identity> {
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...(await termsOf(wanted)),
    name: subjectOf(wanted.name),
    keys,
    extensions: leafExtensions(),
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: await formatKey(keys) }
}

/** A CA certificate that may sign leaves only. Throws `bad-name`. */
export async function createCa(wanted: NewCertificate): Promise<Identity> {
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...(await termsOf(wanted)),
    name: subjectOf(wanted.name),
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: await formatKey(keys) }
}

/** A certificate for one side of exchanges, signed by the CA. Throws `bad-name`, `wrong-certificate`. */
export async function issueIdentity(ca: Identity, wanted: NewCertificate): Promise<Identity> {
  const { isCa, subject, notAfter } = describeCertificate(ca.certificate)
  if (!isCa) throw new Refused('wrong-certificate', `${subject} is not a CA`)
  if (notAfter < wanted.now) throw new Refused('wrong-certificate', `the CA ${subject} has expired`)
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.create({
    ...(await termsOf(wanted)),
    subject: subjectOf(wanted.name),
    issuer: subject,
    publicKey: keys.publicKey,
    signingKey: await parseKey(ca.key),
    extensions: leafExtensions(),
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: await formatKey(keys) }
}

/** What one PEM certificate says. Nothing of it is believed. Throws `wrong-certificate`. */
export function describeCertificate(pem: string): CertificateFacts {
  const certificate = parseCertificate(pem)
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    fingerprint: formatFingerprint(certificate.fingerprint256),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    isCa: certificate.ca,
  }
}

/**
 * Throws `wrong-certificate` for what TLS would not take anyway: not one PEM certificate, a CA's, a weak key,
 * or out of its time.
 */
export function checkPeerCertificate(pem: string, now: number): CertificateFacts {
  const facts = describeCertificate(pem)
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = parseCertificate(pem).publicKey
  const isStrong =
    type === 'ec' || type === 'ed25519' || (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048)
  if (facts.isCa) {
    throw new Refused('wrong-certificate', "a CA's certificate is not a side's; make one with CA:FALSE")
  }
  if (!isStrong) throw new Refused('wrong-certificate', 'the key of the certificate is too weak')
  if (now < facts.notBefore || now > facts.notAfter) {
    throw new Refused('wrong-certificate', 'the certificate is not valid now')
  }
  return facts
}

/** `AB:CD:...`, as Node and OpenSSL show it, or plain: as 64 lower-case digits. */
export function formatFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase()
}

function parseCertificate(pem: string): X509Certificate {
  const isOne = /^-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/.test(pem)
  if (!isOne || pem.length > certificateBytesMax) {
    throw new Refused('wrong-certificate', 'not one certificate in PEM')
  }
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new Refused('wrong-certificate', 'the certificate cannot be read', { cause })
  }
}

/** Names are shown to people, on terminals. */
function oneLine(name: string): string {
  return name
    .replaceAll('\n', ', ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 200)
}

function subjectOf(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$/.test(name)) {
    throw new Refused('bad-name', `not a name for a certificate: ${JSON.stringify(name.slice(0, 80))}`)
  }
  return `CN=${name}`
}

async function termsOf({ now, days }: NewCertificate): Promise<{
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly signingAlgorithm: typeof algorithm
}> {
  // Positive, and of full length: RFC 5280 section 4.1.2.2.
  const serial = randomBytes(16)
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40
  const notAfter = new Date(now + days * 86_400_000 + skewMs)
  const notBefore = new Date(now - skewMs)
  return { serialNumber: serial.toString('hex'), notBefore, notAfter, signingAlgorithm: algorithm }
}

function leafExtensions(): (BasicConstraintsExtension | KeyUsagesExtension | ExtendedKeyUsageExtension)[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
  ]
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}

async function formatKey({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const pkcs8 = new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', privateKey))
  return formatPrivateKeyPem(pkcs8)
}

async function parseKey(pem: string): Promise<webcrypto.CryptoKey> {
  try {
    const base64 = pem.replaceAll(/-----[A-Z ]+-----|\s/g, '')
    const pkcs8 = Uint8Array.fromBase64(base64)
    return (await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, [
      'sign',
    ])) as webcrypto.CryptoKey
  } catch {
    // The cause could quote the key.
    throw new Refused('wrong-certificate', "the CA's key is not an ECDSA P-256 key in PKCS#8")
  }
}
