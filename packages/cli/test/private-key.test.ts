import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { after, beforeEach, describe, test } from 'node:test'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { choosePassphrase, isEncryptedFile, openKeyFile, openOwnKey } from '../src/private-key.ts'
import { readKeys } from '../src/terminal.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
after(() => place[Symbol.dispose]())
beforeEach(() => {
  delete process.env['LEDGERSTONE_PASSPHRASE']
})

const key = await createKey('Ed25519')
const encrypted = write('encrypted.pem', await encryptedPrivateKeyPem(key.pkcs8, 'correct horse'))
const plain = write('plain.pem', formatPrivateKeyPem(key.pkcs8))

function write(name: string, text: string, mode = 0o600): string {
  writeFileSync(place.at(name), text)
  chmodSync(place.at(name), mode)
  return place.at(name)
}

const refusedAs = (code: string) => ({ name: 'Refused', code })

describe('a private key file', () => {
  test('without passphrase is read as it is', async () => {
    assert.deepEqual(await openKeyFile(plain, {}), { pkcs8: key.pkcs8, passphrase: undefined })
    assert.equal(isEncryptedFile(plain), false)
  })

  test('is opened by the first line of a passphrase file, or by the environment', async () => {
    const passphraseFile = write('passphrase', 'correct horse\r\nsomething else\n')
    assert.equal((await openOwnKey(encrypted, { passphraseFile })).kid, key.kid)
    process.env['LEDGERSTONE_PASSPHRASE'] = 'correct horse'
    assert.deepEqual(await openKeyFile(encrypted, {}), { pkcs8: key.pkcs8, passphrase: 'correct horse' })
    assert.equal(isEncryptedFile(encrypted), true)
    // The file named is the one that counts.
    const wrong = write('wrong', 'another\n')
    await assert.rejects(openOwnKey(encrypted, { passphraseFile: wrong }), refusedAs('wrong-passphrase'))
  })

  test('is refused without a passphrase where nobody can be asked', async () => {
    await assert.rejects(openOwnKey(encrypted, {}), {
      ...refusedAs('wrong-passphrase'),
      message: /--passphrase-file/,
    })
    await assert.rejects(choosePassphrase('new.pem', {}), refusedAs('wrong-passphrase'))
  })

  test('and the file of its passphrase are for their owner alone', async () => {
    const passphraseFile = write('open', 'correct horse\n', 0o644)
    await assert.rejects(openOwnKey(encrypted, { passphraseFile }), refusedAs('bad-key-file'))
    const readable = write('readable.pem', formatPrivateKeyPem(key.pkcs8), 0o644)
    await assert.rejects(openOwnKey(readable, {}), refusedAs('bad-key-file'))
  })

  test('is put under eight characters at least', async () => {
    process.env['LEDGERSTONE_PASSPHRASE'] = '1234567'
    await assert.rejects(choosePassphrase('new.pem', {}), refusedAs('wrong-passphrase'))
    process.env['LEDGERSTONE_PASSPHRASE'] = '12345678'
    assert.equal(await choosePassphrase('new.pem', {}), '12345678')
  })
})

describe('what is typed without being shown', () => {
  type Typed = ReturnType<typeof readKeys>
  const typed = (...texts: readonly string[]): Typed =>
    texts.reduce<Typed>((before, text) => readKeys(before.typed, text), { typed: '', done: false })
  test('ends with Enter, and what is pasted after it does not count', () => {
    assert.deepEqual(typed('se', 'cret'), { typed: 'secret', done: false })
    assert.deepEqual(typed('se', 'cret\r'), { typed: 'secret', done: true })
    assert.deepEqual(typed('secret\nmore'), { typed: 'secret', done: true })
  })
  test('loses whole characters to Backspace, and nothing to arrows', () => {
    assert.equal(typed('secret☂', '\x7f', '\b').typed, 'secre')
    assert.equal(typed('\x7f', 'a').typed, 'a')
    assert.equal(typed('ab', '\x1b[D', 'c').typed, 'abc')
  })
  test('is given up with Ctrl-C and Ctrl-D', () => {
    assert.throws(() => typed('ab', '\x03'), refusedAs('stopping'))
    assert.throws(() => typed('\x04'), refusedAs('stopping'))
  })
})
