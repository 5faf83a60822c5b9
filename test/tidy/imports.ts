// Who may import whom.
import { builtinModules } from 'node:module'
import type { House, Rule, SourceFile } from './house.ts'
import { type Import, importsOf, resolve } from './specifiers.ts'

/** The architecture. Only the composition root, `cli`, may import every package. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  log: ['core'],
  stores: ['core', 'log'],
  client: ['core'],
  border: ['core'],
  exchange: ['core'],
  auth: ['core', 'border'],
  witness: ['core', 'log', 'border'],
  ledger: ['core', 'log', 'border'],
  sealer: ['core', 'border', 'client', 'exchange'],
  workflow: ['core', 'border', 'client'],
  explorer: ['core', 'client'],
  cli: [
    'core',
    'log',
    'stores',
    'client',
    'border',
    'exchange',
    'auth',
    'witness',
    'ledger',
    'sealer',
    'workflow',
    'explorer',
  ],
}

/** A test may set up what its package is given in production; never more than that. */
export const testsMayImport: Readonly<Record<string, readonly string[]>> = {
  log: ['stores'],
  witness: ['stores'],
  ledger: ['stores', 'auth'],
  client: ['ledger', 'log', 'stores', 'auth', 'sealer'],
  sealer: ['ledger', 'log', 'stores', 'auth'],
  explorer: ['log'],
  workflow: ['ledger', 'log', 'stores', 'auth'],
}

const table: Rule = {
  name: 'a package imports only what lies below it',
  check: (house) =>
    inPackages(house, (file, { specifier, at }) => {
      const owner = file.owner as string
      const foreign = file.isTest ? resolve(house, file, specifier).map(ownerOfTest).find(Boolean) : undefined
      const target = /^@ledgerstone\/([^/]+)/.exec(specifier)?.[1] ?? foreign
      if (mayImport[owner] === undefined) return file.at(at, `the package ${owner} is not in the table`)
      if (target === undefined) return undefined
      if (target === owner) return file.isTest ? undefined : file.at(at, 'imports its own package by name')
      const allowed = [...mayImport[owner], ...(file.isTest ? (testsMayImport[owner] ?? []) : [])]
      return allowed.includes(target) ? undefined : file.at(at, `${owner} may not import ${target}`)
    }),
  planted: [
    [
      { 'packages/core/src/tree.ts': "import { pool } from '@ledgerstone/log/pool'" },
      /tree\.ts:1 core may not import log/,
    ],
    [
      { 'packages/ledger/src/app.ts': "\nimport '@ledgerstone/stores/memory'" },
      /app\.ts:2 ledger may not import stores/,
    ],
    [{ 'packages/log/src/pool.ts': "import type { A } from '@ledgerstone/log/a'" }, /own package/],
    [{ 'packages/log/test/pool.test.ts': "await import('@ledgerstone/cli/main')" }, /log may not import cli/],
    [{ 'packages/other/src/a.ts': "import 'fastify'" }, /other is not in the table/],
    [{ 'packages/log/test/a.ts': "import '../../cli/test/a.ts'" }, /log may not import cli/],
  ],
  sound: {
    'packages/log/src/pool.ts': "import { a } from '@ledgerstone/core/a'\n// import '@ledgerstone/cli/x'",
    'packages/log/test/pool.test.ts': "import { memory } from '@ledgerstone/stores/memory'",
    'packages/ledger/test/a.ts': "import { a } from '../../log/test/a.ts'",
    'packages/cli/src/main.ts': "import { a } from '@ledgerstone/ledger/app'",
  },
}

const pure: Rule = {
  name: 'the core does no input or output',
  check: (house) =>
    inPackages(house, (file, { specifier, at }) => {
      if (!file.path.startsWith('packages/core/src/')) return undefined
      const isNodes = specifier.startsWith('node:') || builtinModules.includes(specifier)
      const isOutside = !/^[.#]/.test(specifier) && !isNodes
      if (!isNodes && !isOutside) return undefined
      const [, platform] = /^packages\/core\/src\/primitives\/(node|web)(?:-\w+)?\.ts$/.exec(file.path) ?? []
      const isItsOwn = isNodes || specifier === 'sodium-native' ? platform === 'node' : platform === 'web'
      return isItsOwn ? undefined : file.at(at, `imports ${specifier}`)
    }),
  planted: [
    [{ 'packages/core/src/tree.ts': "import { readFile } from 'node:fs/promises'" }, /imports node:fs/],
    [{ 'packages/core/src/tree.ts': "import fs from 'fs'" }, /imports fs/],
    [{ 'packages/core/src/tree.ts': "import { sha256 } from '@noble/hashes/sha2.js'" }, /imports @noble/],
    [
      { 'packages/core/src/tree.ts': "createRequire(import.meta.url)('sodium-native')" },
      /imports sodium-native/,
    ],
    [
      { 'packages/core/src/primitives/web.ts': "import * as crypto from 'node:crypto'" },
      /imports node:crypto/,
    ],
  ],
  sound: {
    'packages/core/src/primitives/node.ts': "import * as crypto from 'node:crypto'",
    'packages/core/src/primitives/web.ts': "import { cfb } from '@noble/ciphers/aes.js'",
    'packages/core/test/tree.test.ts': "import { test } from 'node:test'",
  },
}

const spelled: Rule = {
  name: 'an import names the file, .ts and all, and stays in its package',
  check: (house) =>
    everywhere(house, (file, { specifier, at }) => {
      if (!specifier.startsWith('.')) return undefined
      if (!/\.(?:ts|tsx|mjs|json|css)$/.test(specifier)) return file.at(at, `${specifier} must name the file`)
      const depth = file.path.split('/').length - 1 - (file.owner === undefined ? 0 : 2)
      const ups = specifier.split('/').filter((part) => part === '..').length
      const isFixture = file.isTest && resolve(house, file, specifier).some(ownerOfTest)
      return ups > depth && !isFixture ? file.at(at, `${specifier} leaves its package`) : undefined
    }),
  planted: [
    [{ 'packages/log/src/a.ts': "import { b } from './b'" }, /\.\/b must name the file/],
    [{ 'packages/log/src/a.ts': "import { b } from './b.js'" }, /must name the file/],
    [{ 'test/a.test.ts': "const b = await import('./b.js')" }, /must name the file/],
    [{ 'packages/log/src/a.ts': "import { b } from '../../core/src/b.ts'" }, /leaves its package/],
    [
      { 'packages/log/test/file/a.test.ts': "import { b } from '../../../core/src/b.ts'" },
      /leaves its package/,
    ],
  ],
  sound: {
    'packages/log/test/a.test.ts': "import { b } from '../src/b.ts'\nimport './b.tsx'\nimport pg from 'pg'",
    'packages/ledger/test/a.ts': "import { a } from '../../log/test/a.ts'",
    'bench/a.ts': "import { b } from '../test/b.ts'",
  },
}

const noBarrels: Rule = {
  name: 'no file passes on the exports of another',
  check: (house) => [
    ...everywhere(house, (file, { isReExport, specifier, at }) =>
      isReExport ? file.at(at, `re-exports ${specifier}`) : undefined,
    ),
    ...house
      .filter(({ path }) => /(?:^|\/)index\.(?:ts|tsx|mjs)$/.test(path))
      .map(({ path }) => `${path} is a barrel`),
  ],
  planted: [
    [{ 'packages/log/src/a.ts': "export * from './b.ts'" }, /re-exports \.\/b\.ts/],
    [{ 'packages/log/src/a.ts': "export { b } from './b.ts'" }, /re-exports/],
    [{ 'packages/log/src/a.ts': "export type {\n  B,\n} from './b.ts'" }, /re-exports/],
    [{ 'packages/log/src/index.ts': 'export const a = 1' }, /index\.ts is a barrel/],
  ],
  sound: {
    'packages/log/src/a.ts': "import type { B } from './b.ts'\nexport type { B }\nexport const b = 'x'",
  },
}

/** The package whose tests a path belongs to. A package's fixtures serve the tests of those above it, too. */
function ownerOfTest(path: string): string | undefined {
  return /^packages\/([^/]+)\/test\//.exec(path)?.[1]
}

function everywhere(
  house: House,
  judge: (file: SourceFile, each: Import) => string | undefined,
): readonly string[] {
  return house
    .filter(({ isCode }) => isCode)
    .flatMap((file) => importsOf(file).flatMap((each) => judge(file, each) ?? []))
}

function inPackages(
  house: House,
  judge: (file: SourceFile, each: Import) => string | undefined,
): readonly string[] {
  return everywhere(
    house.filter(({ owner }) => owner !== undefined),
    judge,
  )
}

export const importRules: readonly Rule[] = [table, pure, spelled, noBarrels]
