// What code may not contain, and how long a function may be.
import type { House, Rule, SourceFile } from './house.ts'

const functionLinesMax = 70
const long = '\n'.repeat(90)

const shortFunctions: Rule = {
  name: `a function has at most ${functionLinesMax} lines`,
  check: (house) =>
    house
      .filter(({ isCode }) => isCode)
      .flatMap((file) =>
        functionsOf(file).flatMap(({ from, to }) => {
          const lines = file.bare.slice(from, to).split('\n').length
          return lines > functionLinesMax ? [file.at(from, `a function of ${lines} lines`)] : []
        }),
      ),
  planted: [
    [
      { 'packages/log/src/a.ts': `function a(): void {${'\n'.repeat(70)}}` },
      /a\.ts:1 a function of 71 lines/,
    ],
    [
      { 'packages/log/src/a.ts': `\nclass A {\n  async *b(c: D): E<{ f: G }> {${'\n'.repeat(70)}}\n}` },
      /a\.ts:3 .* 71/,
    ],
    [{ 'packages/log/src/a.ts': `function a(b = '{'): { c: string } {${'\n'.repeat(70)}}` }, /71 lines/],
    [{ 'packages/log/src/a.ts': `const a = (b: C): Promise<D> => {${'\n'.repeat(70)}}` }, /71 lines/],
    [
      { 'packages/log/src/a.ts': `export const a = new A({ b: async () => {${'\n'.repeat(80)}} })` },
      /81 lines/,
    ],
    [{ 'test/a.test.ts': `test('b', async (t) => {${'\n'.repeat(70)}})` }, /71 lines/],
  ],
  sound: {
    'packages/log/src/a.ts': `class A {${long}}\nconst b = {${long}}\nfunction c() {${'\n'.repeat(69)}}`,
    'packages/log/src/b.ts': `type B = { c: D;${long}}\nif (e()) {${long}}`,
    'test/a.test.ts': `describe('b', () => {${long} test('c', d) })\nfor (const c of d()) {${long}}`,
  },
}

/**
 * Where the bodies of functions begin and end. One that registers tests is a list of them, not a function.
 */
function functionsOf({ bare, isTest }: SourceFile): readonly { from: number; to: number }[] {
  const open: number[] = []
  const found: { from: number; to: number }[] = []
  for (const { index, 0: brace } of bare.matchAll(/[{}]/g)) {
    if (brace === '{') open.push(index)
    else {
      const from = open.pop()
      if (from === undefined || !opensFunction(bare, from)) continue
      const isSuite = isTest && /\b(?:describe|suite|test|it)\s*\(/.test(bare.slice(from, index))
      if (!isSuite) found.push({ from, to: index + 1 })
    }
  }
  return found
}

const returnType = /\)\s*:\s*(?:[\w$.<>[\]|&, '"?]|\{[^{}]*\}|\([^()]*\)|=>)+$/

function opensFunction(bare: string, brace: number): boolean {
  const before = bare.slice(Math.max(0, brace - 600), brace).trimEnd()
  if (before.endsWith('=>')) return true
  if (before.endsWith(')'))
    return !/\b(?:if|for|while|switch|catch|with|await)$/.test(beforeParenthesis(before))
  return returnType.test(before)
}

function beforeParenthesis(text: string): string {
  let depth = 0
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === ')') depth++
    if (text[at] === '(') depth--
    if (depth === 0) return text.slice(0, at).trimEnd()
  }
  return ''
}

const namedExports: Rule = {
  name: 'exports have names',
  check: (house) =>
    matches(
      house,
      /^export\s+default\b|\bas\s+default\b/gm,
      'a default export',
      ({ path }) => !/\.config\.ts$/.test(path),
    ),
  planted: [
    [{ 'packages/log/src/a.ts': 'export default function a() {}' }, /default export/],
    [{ 'packages/log/src/a.ts': 'const a = 1\nexport { a as default }' }, /a\.ts:2 a default export/],
  ],
  sound: {
    'packages/explorer/vite.config.ts': 'export default {}',
    'packages/log/src/a.ts':
      "// export default\nexport const a = 'export default'\nimport { default as b } from './b.ts'",
  },
}

const typed: Rule = {
  name: 'nothing escapes the type checker or the linter',
  check: (house) => [
    ...matches(house, /(?::|\bas|<|\||&|=>)\s*any\b(?!\s*\()|,\s*any\s*>|\bany\[\]/g, 'any'),
    ...code(house).flatMap((file) =>
      [
        ...file.text.matchAll(
          /@ts-(?:ignore|expect-error|nocheck)|\b(?:biome|eslint|oxlint)-(?:ignore|disable)/g,
        ),
      ]
        .filter(({ index }) => file.bare[index] === ' ')
        .filter(({ index }) => !isQuoted(file, index))
        .map(({ index, 0: directive }) => file.at(index, directive)),
    ),
  ],
  planted: [
    [{ 'packages/log/src/a.ts': 'const a: any = 1' }, /any/],
    [{ 'packages/log/src/a.ts': 'const a = b as any' }, /any/],
    [{ 'packages/log/test/a.ts': 'const a: Map<string, any> = b' }, /any/],
    [{ 'packages/log/src/a.ts': `\n// @ts-${'ignore'}\nconst a = 1` }, /a\.ts:2 @ts/],
    [{ 'test/a.ts': `/* @ts-${'expect-error'} */ const a = 1` }, /a\.ts:1 @ts/],
    [{ 'scripts/a.ts': `// biome-${'ignore'} lint: because\nconst a = 1` }, /a\.ts:1 biome/],
  ],
  sound: {
    'packages/log/src/a.ts':
      "const a = Promise.any(b) // as any\nconst any = ': any'\nconst c = '@ts-ignore'",
  },
}

const nothingSkipped: Rule = {
  name: 'no test is skipped, singled out or left for later',
  check: (house) =>
    matches(
      house,
      /\.\s*(?:skip|only|todo)\s*\(|[{,]\s*(?:skip|only|todo)\s*:|\b(?:xit|xdescribe|fit|fdescribe)\s*\(/g,
      'a test that does not run',
      ({ isTest }) => isTest,
    ),
  planted: [
    [{ 'packages/log/test/a.test.ts': "test.skip('b', () => {})" }, /does not run/],
    [{ 'test/a.test.ts': "describe.only('b', () => {})" }, /does not run/],
    [{ 'test/a.test.ts': "test('b', (t) => { t.skip('no strace') })" }, /does not run/],
    [{ 'test/a.test.ts': "test('b', { skip: true }, () => {})" }, /does not run/],
    [{ 'test/a.test.ts': "test.todo('b')" }, /does not run/],
  ],
  sound: {
    'test/a.test.ts': "test('an option { skip: true } and .only() in a name', () => {})",
    'packages/cli/src/import.ts': 'rows.skip(2)',
  },
}

const unverified = /rejectUnauthorized['"]?\s*[:=]\s*false|NODE_TLS_REJECT|checkServerIdentity\s*:\s*\(\)/g

const verifiedTls: Rule = {
  name: 'TLS peers are verified',
  check: (house) =>
    code(house)
      .filter(({ path }) => path !== 'test/tidy/code.ts') // it holds the planted ones
      .flatMap((file) =>
        [...file.text.matchAll(unverified)].map(({ index, 0: what }) => file.at(index, what)),
      ),
  planted: [
    [{ 'packages/client/src/a.ts': 'connect({ rejectUnauthorized: false })' }, /rejectUnauthorized/],
    [
      { 'packages/client/test/a.ts': 'const a = { checkServerIdentity: () => undefined }' },
      /checkServerIdentity/,
    ],
    [{ 'scripts/a.mjs': 'process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0' }, /NODE_TLS_REJECT/],
  ],
  sound: { 'packages/client/src/a.ts': 'connect({ rejectUnauthorized: true })' },
}

function code(house: House): House {
  return house.filter(({ isCode }) => isCode)
}

function matches(
  house: House,
  pattern: RegExp,
  what: string,
  isMeant: (file: SourceFile) => boolean = () => true,
): readonly string[] {
  return code(house)
    .filter(isMeant)
    .flatMap((file) => [...file.bare.matchAll(pattern)].map(({ index }) => file.at(index, what)))
}

/** True inside a string or template: the line's code has its quotes kept, so an odd number stands before. */
function isQuoted(file: SourceFile, offset: number): boolean {
  const lineStart = file.text.lastIndexOf('\n', offset) + 1
  return (file.bare.slice(lineStart, offset).match(/['"`]/g) ?? []).length % 2 === 1
}

export const codeRules: readonly Rule[] = [shortFunctions, namedExports, typed, nothingSkipped, verifiedTls]
