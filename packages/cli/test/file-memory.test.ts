import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Refused } from '@ledgerstone/core/refused'
import { fileMemory } from '../src/file-memory.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('what was written is read again, by another process too', async () => {
  using folder = temporaryFolder()
  const path = folder.at('memory.json')
  assert.equal(await fileMemory(path).read('a'), undefined)
  assert.equal(await fileMemory(path).write('a', 7, 'checkpoint of 7', undefined), true)
  assert.equal(await fileMemory(path).write('b', 1, 'checkpoint of 1', undefined), true)
  assert.equal(await fileMemory(path).read('a'), 'checkpoint of 7')
  assert.equal(await fileMemory(path).read('b'), 'checkpoint of 1')
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a checkpoint takes only the place of the one that it was held against', async () => {
  using folder = temporaryFolder()
  const memory = fileMemory(folder.at('memory.json'))
  assert.equal(await memory.write('a', 7, 'seven', undefined), true)
  assert.equal(await memory.write('a', 9, 'nine', undefined), false)
  assert.equal(await memory.write('a', 9, 'nine', 'another seven'), false)
  assert.equal(await memory.read('a'), 'seven')
  assert.equal(await memory.write('a', 8, 'eight', 'seven'), true)
  assert.equal(await memory.read('a'), 'eight')
})

test('a memory that cannot be read is refused: forgetting is what an attacker wants', async () => {
  using folder = temporaryFolder()
  const path = folder.at('memory.json')
  for (const content of [
    '',
    '[]',
    '{"a": 7}',
    '{"a": {"size": 7}}',
    '{"a": {"size": -1, "checkpoint": ""}}',
  ]) {
    writeFileSync(path, content)
    await assert.rejects(fileMemory(path).read('a'), Refused, content)
    await assert.rejects(fileMemory(path).write('a', 9, 'nine', undefined), Refused, content)
    assert.equal(readFileSync(path, 'utf8'), content)
  }
})

test('processes that write at the same time forget nothing of each other', async () => {
  using folder = temporaryFolder()
  const path = folder.at('memory.json')
  const program = `
    const { fileMemory } = await import(${JSON.stringify(new URL('../src/file-memory.ts', import.meta.url))})
    const memory = fileMemory(process.argv[1])
    for (let i = 1; i <= 25; i++) await memory.write(process.argv[2] + i, i, 'checkpoint ' + i, undefined)`
  const writers = ['a', 'b', 'c'].map((name) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, path, name]),
  )
  await Promise.all(writers)
  for (const name of ['a', 'b', 'c']) {
    for (let i = 1; i <= 25; i++) {
      assert.equal(await fileMemory(path).read(`${name}${i}`), `checkpoint ${i}`, `${name}${i}`)
    }
  }
})
