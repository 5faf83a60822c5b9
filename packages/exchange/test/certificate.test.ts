import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import {
  checkPeerCertificate,
  createCa,
  createIdentity,
  describeCertificate,
  issueIdentity,
} from '../src/certificate.ts'

const now = Date.parse('2026-11-23T03:17:00.000Z')

test('a self-signed certificate says what it is, and is good for either side', async () => {
  const { certificate } = await createIdentity({ name: 'laptop.example', now, days: 1 })
  const { subject, issuer, fingerprint, isCa } = checkPeerCertificate(certificate, now)
  assert.deepEqual([subject, issuer, isCa], ['CN=laptop.example', 'CN=laptop.example', false])
  assert.equal(fingerprint, new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase())
  assert.deepEqual(new X509Certificate(certificate).keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
})

test('a CA issues certificates that verify under it, and nobody else does', async () => {
  const ca = await createCa({ name: 'Our exchange CA', now, days: 365 })
  const leaf = await issueIdentity(ca, { name: 'sealer', now, days: 30 })
  assert.ok(new X509Certificate(leaf.certificate).verify(new X509Certificate(ca.certificate).publicKey))
  assert.deepEqual(describeCertificate(leaf.certificate).issuer, 'CN=Our exchange CA')
  assert.ok(describeCertificate(ca.certificate).isCa)
  await assert.rejects(issueIdentity(leaf, { name: 'other', now, days: 1 }), { code: 'wrong-certificate' })
  const late = { name: 'other', now: now + 400 * 86_400_000, days: 1 }
  await assert.rejects(issueIdentity(ca, late), { code: 'wrong-certificate' })
})

test("what is not one valid certificate of a side's own is refused", async () => {
  const { certificate, key } = await createIdentity({ name: 'a', now, days: 1 })
  const ca = await createCa({ name: 'ca', now, days: 1 })
  const bad = ['', 'x', key, certificate + certificate, ca.certificate, certificate.replace('MII', 'AAA')]
  for (const pem of bad) assert.throws(() => checkPeerCertificate(pem, now), { code: 'wrong-certificate' })
  for (const days of [-2, 3]) {
    assert.throws(() => checkPeerCertificate(certificate, now + days * 86_400_000), {
      code: 'wrong-certificate',
    })
  }
})

test('names that could steer a terminal or forge a subject are refused', async () => {
  for (const name of ['', 'a\nb', 'a,O=b', '\u001b[2J', 'a'.repeat(65)]) {
    await assert.rejects(createIdentity({ name, now, days: 1 }), { code: 'bad-name' })
  }
})
