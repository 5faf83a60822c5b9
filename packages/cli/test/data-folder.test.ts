import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import {
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { parseTrust } from '@ledgerstone/core/trust'
import { dataFolder, makeSecretFolder } from '../src/data-folder.ts'
import { createDataFolder } from '../src/embedded/create.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
after(() => place[Symbol.dispose]())
const path = place.at('data')
process.umask(0) // nothing below may lean on it
const options = { path, url: 'http://127.0.0.1:8400', buckets: ['payments'], now: Date.now }
const trust = await createDataFolder(options)
const folder = dataFolder(path)
const files = globSync('**/*', { cwd: path }).map((name) => join(path, name))

async function refused(given: Partial<typeof options & { name: string }>, code: string): Promise<void> {
  await assert.rejects(
    createDataFolder({ ...options, ...given }),
    (error) => error instanceof Refused && error.code === code,
  )
}

describe('a new data folder', () => {
  test('is for its owner alone: folders 0700, files 0600', () => {
    assert(files.length > 30, `${files.length} files and folders`)
    for (const each of [path, ...files]) {
      const facts = lstatSync(each)
      const expected = facts.isDirectory() ? 0o700 : 0o600
      assert.equal((facts.mode & 0o777).toString(8), expected.toString(8), each)
    }
  })

  test('is nothing to git, wherever it stands', () => {
    assert.equal(readFileSync(join(path, '.gitignore'), 'utf8'), '*\n')
    assert.equal(statSync(join(path, '.gitignore')).mode & 0o777, 0o600)
    assert.deepEqual(globSync('*/**/.gitignore', { cwd: path }), [], 'once')
  })

  test('leaves the folder around it to whom it was open', async () => {
    const around = place.at('open to all')
    mkdirSync(around, { mode: 0o755 })
    await createDataFolder({ ...options, path: join(around, 'data') })
    assert.equal(statSync(around).mode & 0o777, 0o755)
    await createDataFolder({ ...options, path: join(around, 'new', 'data') })
    assert.equal(statSync(join(around, 'new')).mode & 0o777, 0o700)
    for (const each of [around, join(around, 'new')]) assert(!existsSync(join(each, '.gitignore')), each)
  })

  test('has the trust file that was made, and every key that the services need', () => {
    assert.deepEqual(parseTrust(readFileSync(folder.trust, 'utf8')), trust)
    const log = ['keys', 'payments'].flatMap((bucket) => [
      folder.logKey(bucket, 'ed25519'),
      folder.logKey(bucket, 'mldsa44'),
    ])
    const others = [folder.ledgerKey, folder.registrarKey, folder.statementKey, folder.sealerKey]
    const keys = [...log, ...others, folder.receiverKey, folder.importerKey]
    for (const key of keys) createPrivateKey(readFileSync(key))
    assert.equal(new Set(keys.map((key) => readFileSync(key, 'utf8'))).size, keys.length)
  })

  test('holds no secret of a client in clear but in that client’s own file', () => {
    const { client_secret: secret } = JSON.parse(readFileSync(folder.localClient, 'utf8')) as {
      client_secret: string
    }
    assert.equal(secret.length, 43)
    const holders = files.filter((each) => statSync(each).isFile() && readFileSync(each).includes(secret))
    assert.deepEqual(holders, [folder.localClient])
  })

  test('takes a name of its own, different each time', async () => {
    assert.match(trust.ledger, /^local-[0-9a-f]{8}\/log$/)
    const other = await createDataFolder({ ...options, path: place.at('other') })
    assert.notEqual(other.ledger, trust.ledger)
    const named = await createDataFolder({ ...options, path: place.at('named'), name: 'example.com/log' })
    assert.equal(named.ledger, 'example.com/log')
  })

  test('is never made over another, nor into a folder that is there', async () => {
    const before = readFileSync(folder.trust)
    await refused({}, 'bucket-exists')
    assert.deepEqual(readFileSync(folder.trust), before)
    mkdirSync(place.at('empty'))
    await refused({ path: place.at('empty') }, 'bucket-exists')
  })

  test('is made whole or not at all', async () => {
    await refused({ path: place.at('half'), buckets: ['payments', 'Payments'] }, 'bad-name')
    await refused({ path: place.at('half'), name: 'https://example.com' }, 'bad-name')
    assert(!existsSync(place.at('half')))
    assert.deepEqual(
      readdirSync(place.path).filter((name) => name.startsWith('.')),
      [],
    )
  })
})

describe('a folder of secrets', () => {
  const ignoredIn = (folder: string): boolean => existsSync(join(folder, '.gitignore'))

  test('is nothing to git when it is new, and what stands in it needs no more', () => {
    const laptop = place.at('laptop')
    makeSecretFolder(laptop)
    assert.equal(readFileSync(join(laptop, '.gitignore'), 'utf8'), '*\n')
    makeSecretFolder(join(laptop, 'keys'))
    assert(!ignoredIn(join(laptop, 'keys')))
  })

  test('is left as it is when it was there', () => {
    const mine = place.at('mine')
    mkdirSync(mine)
    makeSecretFolder(mine)
    assert(!ignoredIn(mine))
    makeSecretFolder(join(mine, 'keys'))
    assert(ignoredIn(join(mine, 'keys')), 'a new one in it is not')
    writeFileSync(join(mine, '.gitignore'), 'node_modules/\n')
    makeSecretFolder(join(mine, 'ca'))
    assert(ignoredIn(join(mine, 'ca')), 'whatever else is ignored there')
  })
})
