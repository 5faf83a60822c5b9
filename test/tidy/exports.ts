// Nothing is exported, and no refusal is declared, that nobody uses.
import type { House, Rule, SourceFile } from './house.ts'
import { exportsOf, importsOf, resolve } from './specifiers.ts'

const alive: Rule = {
  name: 'an export is imported by another file',
  check: (house) => {
    const used = namesUsed(house)
    return house
      .filter(({ path, isCode }) => isCode && /^packages\/[^/]+\/src\//.test(path))
      .flatMap((file) =>
        exportsOf(file)
          .filter(({ name, isType }) => {
            const names = used.get(file.path)
            return !names?.has(name) && !names?.has('*') && !(isType && isMentioned(file, name))
          })
          .map(({ name, at }) => file.at(at, `${name} is imported nowhere`)),
      )
  },
  planted: [
    [{ 'packages/log/src/a.ts': 'export function b(): void {}' }, /a\.ts:1 b is imported nowhere/],
    [
      {
        'packages/log/src/a.ts': 'export const c = 1',
        'packages/log/src/b.ts': "import { d } from './a.ts'",
      },
      /c is imp/,
    ],
    [{ 'packages/log/src/a.ts': 'const e = 1\nexport { e }' }, /e is imported nowhere/],
    [{ 'packages/log/src/a.ts': 'export type F = string' }, /F is imported nowhere/],
    [
      {
        'packages/log/src/a.ts': 'export const g = 1\nexport const h = g',
        'test/a.ts': "import { h } from '@ledgerstone/log/a'",
      },
      /g is/,
    ],
    [
      {
        'packages/log/src/a.ts': 'export const i = 1',
        'test/a.ts': "import * as a from '@ledgerstone/log/a'\na.j()",
      },
      /i is/,
    ],
  ],
  sound: {
    'packages/log/src/a.ts':
      'export const a = 1\nexport class B {}\nexport type C = 1\nexport const d = 1\nexport const e = 1',
    'packages/log/src/b.ts':
      "import { a, B as F } from './a.ts'\nconst x = import('./a.ts').then((m) => m.d)",
    'packages/log/test/a.test.ts': "import * as everything from '../src/a.ts'\nuse(everything.e)",
    'test/a.ts': "import type { C } from '@ledgerstone/log/a'",
    'packages/log/src/g.ts': 'export type G = string\nexport function h(): G { return 1 }',
    'packages/log/src/i.ts': "import { h } from './g.ts'",
    'packages/core/package.json': '{"imports":{"#p":{"node":"./src/p/node.ts","default":"./src/p/web.ts"}}}',
    'packages/core/src/p/node.ts': 'export const k = 1',
    'packages/core/src/p/web.ts': 'export const k = 1',
    'packages/core/src/k.ts': "import { k } from '#p'",
  },
}

/** For each file of the house the names that others import of it. */
function namesUsed(house: House): ReadonlyMap<string, ReadonlySet<string>> {
  const used = new Map<string, Set<string>>()
  for (const file of house) {
    if (!file.isCode) continue
    for (const { specifier, names } of importsOf(file)) {
      for (const path of resolve(house, file, specifier)) {
        const known = used.get(path) ?? new Set()
        used.set(path, known)
        for (const name of names ?? wordsOf(file)) known.add(name)
      }
    }
  }
  return used
}

/** What a file may mean when it takes a whole module: every word in it. */
function wordsOf(file: SourceFile): readonly string[] {
  return file.bare.match(/[A-Za-z_$][\w$]*/g) ?? []
}

/** A type that its own file uses is part of the signatures that are exported with it. */
function isMentioned({ bare }: SourceFile, name: string): boolean {
  return (
    (bare.match(new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`, 'g')) ?? []).length > 1
  )
}

const refusals = 'packages/core/src/refused.ts'

const spoken: Rule = {
  name: 'every refusal that is declared is given somewhere, and no other',
  check: (house) => {
    const declaration = house.find(({ path }) => path === refusals)
    if (declaration === undefined) return []
    const declared = [...declaration.text.matchAll(/^ *(?:\| )?'([a-z-]+)'/gm)].map(
      (match) => match[1] as string,
    )
    const sources = house.filter(
      ({ path, isCode }) => isCode && path !== refusals && /^packages\/[^/]+\/src\//.test(path),
    )
    const given = new Set(sources.flatMap(codesIn))
    const unknown = sources.flatMap((file) =>
      [...file.text.matchAll(/new Refused\(\s*'([^']*)'/g)]
        .filter((match) => !declared.includes(match[1] as string))
        .map((match) => file.at(match.index, `the code ${match[1]} is not declared`)),
    )
    return [
      ...declared.filter((code) => !given.has(code)).map((code) => `${refusals}: ${code} is given nowhere`),
      ...unknown,
    ]
  },
  planted: [
    [
      { [refusals]: "  'bad-a',\n  'bad-b',", 'packages/log/src/a.ts': "throw new Refused('bad-a', 'no')" },
      /bad-b is given nowhere/,
    ],
    [
      { [refusals]: "  'bad-a',", 'packages/log/src/a.ts': "const statuses = {\n  'bad-a': 400,\n}" },
      /bad-a is given nowhere/,
    ],
    [
      { [refusals]: "  'bad-a',", 'packages/log/test/a.ts': "throw new Refused('bad-a', 'no')" },
      /bad-a is given nowhere/,
    ],
    [
      { [refusals]: '', 'packages/log/src/a.ts': "throw new Refused(\n  'bad-c', 'no')" },
      /bad-c is not declared/,
    ],
  ],
  sound: {
    [refusals]: "  'bad-a', // why\n  'bad-b',\n  'bad-c',",
    'packages/log/src/a.ts': "throw new Refused(b ? 'bad-a' : 'bad-b', 'no')\nconst row = { code: 'bad-c' }",
  },
}

/** Code-like literals that are not the keys of a table. */
function codesIn({ text }: SourceFile): readonly string[] {
  return [...text.matchAll(/(?<before>[{,]\s*)?'(?<code>[a-z]+(?:-[a-z]+)*)'(?<after>\s*:)?/g)]
    .filter(({ groups }) => groups?.['before'] === undefined || groups['after'] === undefined)
    .map(({ groups }) => groups?.['code'] as string)
}

export const exportRules: readonly Rule[] = [alive, spoken]
