import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import {
  checkOwnership,
  createKeyFile,
  parsePrivateKey,
  readKeyFile,
  replaceKeyFile,
} from '../src/key-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'ledgerstone-key-file-'))
after(() => rmSync(folder, { recursive: true }))

const self = { uid: 1000, groups: [1000, 2000] }

describe('a key file', () => {
  for (const [what, file] of [
    ['of this user and nobody else', { uid: 1000, gid: 1000, mode: 0o100600 }],
    ['of this user, read-only', { uid: 1000, gid: 5, mode: 0o100400 }],
    [
      'of root, readable by the pod’s group, as Kubernetes mounts a Secret',
      { uid: 0, gid: 2000, mode: 0o100440 },
    ],
    ['of root, readable by a group of this process', { uid: 0, gid: 1000, mode: 0o100640 }],
  ] as const) {
    it(`is accepted: ${what}`, () => {
      checkOwnership('/run/key.pem', file, self)
    })
  }

  for (const [what, file, mend] of [
    ['readable by a group', { uid: 1000, gid: 1000, mode: 0o100640 }, "chmod 600 '/run/key.pem'"],
    ['readable by everyone', { uid: 1000, gid: 1000, mode: 0o100604 }, "chmod 600 '/run/key.pem'"],
    ['writable by a group', { uid: 1000, gid: 1000, mode: 0o100620 }, "chmod 600 '/run/key.pem'"],
    ['of another user', { uid: 1001, gid: 1000, mode: 0o100600 }, "chown 1000 '/run/key.pem'"],
    ['of root, readable by everyone', { uid: 0, gid: 2000, mode: 0o100444 }, 'chown 1000'],
    ['of root, writable by the group', { uid: 0, gid: 2000, mode: 0o100660 }, 'chown 1000'],
    ['of root, readable by a group of others', { uid: 0, gid: 3000, mode: 0o100440 }, 'chown 1000'],
  ] as const) {
    it(`is refused: ${what}; the message has path, mode and the command to run`, () => {
      assert.throws(
        () => checkOwnership('/run/key.pem', file, self),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'bad-key-file')
          assert.ok(error.message.includes(mend), error.message)
          assert.ok(error.message.includes(`mode 0${(file.mode & 0o777).toString(8)}`), error.message)
          return true
        },
      )
    })
  }

  it('is written so that nobody else can read it, and never over another', () => {
    const path = join(folder, 'new.key')
    createKeyFile(path, 'secret')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(readKeyFile(path), 'secret')
    assert.throws(() => createKeyFile(path, 'other'), { code: 'bad-key-file', message: /exists already/ })
    assert.equal(readFileSync(path, 'utf8'), 'secret')
  })

  it('is replaced as a whole, and stays private', () => {
    const path = join(folder, 'replaced.key')
    createKeyFile(path, 'one')
    replaceKeyFile(path, 'two')
    assert.equal(readKeyFile(path), 'two')
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('behind a link is judged by the file itself', () => {
    const path = join(folder, 'target.key')
    writeFileSync(path, 'secret')
    chmodSync(path, 0o644)
    symlinkSync(path, join(folder, 'link.key'))
    assert.throws(() => readKeyFile(join(folder, 'link.key')), { code: 'bad-key-file' })
    chmodSync(path, 0o600)
    assert.equal(readKeyFile(join(folder, 'link.key')), 'secret')
  })

  it('of more than 1 MiB is not read', () => {
    const path = join(folder, 'large.key')
    createKeyFile(path, 'x'.repeat(1_048_576))
    assert.equal(readKeyFile(path).length, 1_048_576)
    replaceKeyFile(path, 'x'.repeat(1_048_577))
    assert.throws(() => readKeyFile(path), { code: 'bad-key-file', message: /too large/ })
  })

  it('that is missing, or a folder, is refused by name', () => {
    assert.throws(() => readKeyFile(join(folder, 'none')), {
      code: 'bad-key-file',
      message: /none does not exist/,
    })
    assert.throws(() => readKeyFile(folder), { code: 'bad-key-file', message: /is not a file/ })
  })

  it('gives its private key from PKCS#8, PKCS#1 and SEC1, and never shows what else it holds', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const pems = [
      [rsa, rsa.export({ type: 'pkcs8', format: 'pem' })],
      [rsa, rsa.export({ type: 'pkcs1', format: 'pem' })],
      [ec, ec.export({ type: 'sec1', format: 'pem' })],
    ] as const
    for (const [index, [key, pem]] of pems.entries()) {
      const path = join(folder, `${index}.pem`)
      createKeyFile(path, String(pem))
      assert.deepEqual(
        Buffer.from(parsePrivateKey(readKeyFile(path), path)),
        key.export({ type: 'pkcs8', format: 'der' }),
      )
    }
    const path = join(folder, 'broken.pem')
    createKeyFile(path, '-----BEGIN PRIVATE KEY-----\nswordfish\n-----END PRIVATE KEY-----\n')
    assert.throws(
      () => parsePrivateKey(readKeyFile(path), path),
      (error: Error & { code?: string }) =>
        error.code === 'bad-key-file' && !error.message.includes('swordfish') && error.cause === undefined,
    )
  })
})
