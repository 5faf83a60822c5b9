import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey, type OwnKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { configuredKeyOpener } from '../src/private-key.ts'

describe('a key file of a service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'private-key-'))
  const at = (name: string): string => join(folder, name)
  let key: OwnKey

  function write(name: string, text: string, mode = 0o600): string {
    writeFileSync(at(name), text)
    chmodSync(at(name), mode)
    return at(name)
  }

  before(async () => {
    key = await createKey('Ed25519')
    write('plain.pem', formatPrivateKeyPem(key.pkcs8))
    write('locked.pem', await encryptedPrivateKeyPem(key.pkcs8, 'correct horse'))
  })
  after(() => rmSync(folder, { recursive: true }))

  it('is opened with the first line of the passphrase’s file, however the line ends', async () => {
    for (const text of ['correct horse', 'correct horse\n', 'correct horse\r\nsecond line\n']) {
      const open = configuredKeyOpener(write('passphrase', text))
      assert.deepEqual(await open(at('locked.pem')), key.pkcs8)
      assert.deepEqual(await open(at('plain.pem')), key.pkcs8)
    }
  })

  it('needs no passphrase when it is not encrypted, and one when it is', async () => {
    const open = configuredKeyOpener(undefined)
    assert.deepEqual(await open(at('plain.pem')), key.pkcs8)
    await assert.rejects(open(at('locked.pem')), { code: 'bad-key-file', message: /passphrase is named/ })
  })

  it('is refused under another passphrase, and the message names the file alone', async () => {
    const open = configuredKeyOpener(write('wrong', 'battery staple\n'))
    await assert.rejects(open(at('locked.pem')), (error: Error & { code?: string }) => {
      return (
        error.code === 'wrong-passphrase' &&
        error.message.startsWith(at('locked.pem')) &&
        !error.message.includes('battery')
      )
    })
  })

  it('is not opened when others may read its passphrase', async () => {
    const open = configuredKeyOpener(write('open', 'correct horse\n', 0o644))
    await assert.rejects(open(at('locked.pem')), { code: 'bad-key-file', message: /may be read by others/ })
    const missing = configuredKeyOpener(at('missing'))
    await assert.rejects(missing(at('locked.pem')), { code: 'bad-key-file', message: /does not exist/ })
  })

  it('under a changed passphrase is opened with what the file says now', async () => {
    const open = configuredKeyOpener(write('changing', 'battery staple\n'))
    await assert.rejects(open(at('locked.pem')), { code: 'wrong-passphrase' })
    write('changing', 'correct horse\n')
    assert.deepEqual(await open(at('locked.pem')), key.pkcs8)
  })
})
