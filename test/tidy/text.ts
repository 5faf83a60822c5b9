// What any file may hold, and how large it may grow.
import type { House, Rule, SourceFile } from './house.ts'

const linesMax = 400
const columnsMax = 110

const shortFiles: Rule = {
  name: `a source has at most ${linesMax} lines`,
  check: (house) =>
    house
      .filter(({ isCode }) => isCode)
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > linesMax)
      .map(({ path, lines }) => `${path} has ${lines} lines`),
  planted: [
    [{ 'packages/log/src/a.ts': 'a\n'.repeat(401) }, /has 401 lines/],
    [{ 'packages/log/test/a.test.ts': 'a\n'.repeat(401) }, /has 401 lines/],
    [{ 'packages/explorer/src/a.tsx': 'a\n'.repeat(401) }, /has 401 lines/],
  ],
  sound: { 'packages/log/src/a.ts': 'a\n'.repeat(400), 'docs/a.md': 'a\n'.repeat(401) },
}

const shortLines: Rule = {
  name: `a line of a source has at most ${columnsMax} columns`,
  check: (house) =>
    linesOf(
      house.filter(({ isCode }) => isCode),
      (line) => (line.length > columnsMax ? `${line.length} columns` : undefined),
    ),
  planted: [
    [{ 'packages/log/src/a.ts': `\n${'a'.repeat(111)}` }, /a\.ts:2 111 columns/],
    [{ 'test/a.test.ts': `const a = '${'a'.repeat(111)}'` }, /columns/],
  ],
  sound: { 'packages/log/src/a.ts': 'a'.repeat(110), 'docs/a.md': 'a'.repeat(200) },
}

const drawers = [
  'utils?',
  'helpers?',
  'common',
  'shared',
  'services',
  'managers?',
  'models',
  'misc',
  'types',
  'lib',
  'interfaces',
]
const isDrawer = new RegExp(`^(?:${drawers.join('|')})(?:\\.(?:test\\.)?(?:ts|tsx|mjs))?$`)

const named: Rule = {
  name: 'folders and files carry the domain’s words, in kebab case',
  check: (house) =>
    house.flatMap(({ path, isCode }) => {
      const parts = path.split('/')
      const drawer = parts.find((part) => isDrawer.test(part))
      if (drawer !== undefined) return [`${path}: ${drawer} is a drawer`]
      const isKebab = !isCode || parts.every((part) => /^[a-z0-9.-]+$/.test(part))
      return isKebab ? [] : [`${path} is not in kebab case`]
    }),
  planted: [
    [{ 'packages/log/src/utils/a.ts': '' }, /utils is a drawer/],
    [{ 'packages/log/src/types.ts': '' }, /types\.ts is a drawer/],
    [{ 'packages/log/test/helpers.ts': '' }, /helpers\.ts is a drawer/],
    [{ 'packages/log/src/keyPair.ts': '' }, /kebab case/],
    [{ 'packages/shared/package.json': '{}' }, /shared is a drawer/],
  ],
  sound: {
    'packages/log/src/service-types.ts': '',
    'docs/ARCHITECTURE.md': '',
    'packages/log/test/key-pair.test.ts': '',
  },
}

const leftOver = /\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/

const finished: Rule = {
  name: 'nothing is left for later',
  check: (house) => linesOf(house, (line) => leftOver.exec(line)?.[0]),
  planted: [
    [{ 'packages/log/src/a.ts': `\n// ${'TO'}DO: more` }, /a\.ts:2 TO/],
    [{ 'docs/a.md': `${'FIX'}ME` }, /a\.md:1 FIX/],
    [{ '.ci/run': `# ${'HA'}CK` }, /run:1 HA/],
    [{ 'packages/log/test/a.test.ts': `const ${'XX'}X = 1` }, /XX/],
  ],
  sound: { 'packages/log/src/a.ts': 'const todo = hackathon()' },
}

const machinePath = /(?<![\w.:/-])\/(?:work|root|tmp|home\/[a-z]+|Users\/[a-z]+)(?=[/'"`\s),:]|$)/

const portable: Rule = {
  name: 'no path of one machine is written down',
  check: (house) =>
    linesOf(
      house.filter(({ isTest, path }) => !isTest && !path.startsWith('test/')),
      (line) => machinePath.exec(line)?.[0],
    ),
  planted: [
    [{ 'packages/log/src/a.ts': "\nconst a = '/tmp/b'" }, /a\.ts:2 \/tmp/],
    [{ 'docs/a.md': 'See `/work/b`.' }, /\/work/],
    [{ 'scripts/a.mjs': 'const a = `/root`' }, /\/root/],
    [{ 'deploy/a.yaml': 'path: /home/me/a' }, /\/home\/me/],
  ],
  sound: {
    'packages/log/src/a.ts': "const a = ['/v1/work', '/workflow', './tmp/a', 'https://example.com/work/']",
    'packages/log/test/a.test.ts': "const a = '/tmp/b'",
  },
}

/** How the work was planned is not the reader's concern, and the numbers would mean nothing to them. */
const planning = [
  /\bissues? #?\d+\b/i,
  /\b(?:fix\w*|close[sd]?|see|pull request|PR|ticket|task) #\d+/i,
  /\b(?:this|next|previous|last|later|earlier|future|working|coding) session\b(?! (?:key|id|cookie|of))/i,
  /\bPLAN\.md\b|\bthe brief\b|\bsub-?agent/i,
]

const ofTheProduct: Rule = {
  name: 'the repository speaks of the product, not of how it was planned',
  check: (house) =>
    linesOf(house, (line) => planning.map((pattern) => pattern.exec(line)?.[0]).find(Boolean)),
  planted: [
    [{ 'docs/a.md': `As issue ${'2'} asks` }, /a\.md:1 issue/],
    [{ 'packages/log/src/a.ts': `// fixes #${'12'} at last` }, /#12/],
    [{ 'README.md': `left for a later ${'session'}` }, /later/],
    [{ 'docs/a.md': `see ${'PLAN'}.md` }, /PLAN/],
  ],
  sound: {
    'docs/a.md': 'Certificates that the CA issues; a browser session; colour #fff; PKCS#1 and PKCS #8.',
    'packages/log/src/a.ts': "#at = 1\nconst a = this.#b['#primitives']",
  },
}

const titled: Rule = {
  name: 'a page has one title, and begins with it',
  check: (house) =>
    house
      .filter(({ path }) => path.endsWith('.md'))
      .flatMap((file) => {
        const prose = file.text.replace(/^ *(```|~~~)[\s\S]*?^ *\1.*$/gm, '')
        const titles = prose.match(/^# \S.*$/gm) ?? []
        if (titles.length !== 1) return [`${file.path} has ${titles.length} titles`]
        return file.text.startsWith('# ') ? [] : [`${file.path} does not begin with its title`]
      }),
  planted: [
    [{ 'docs/a.md': 'Text\n' }, /has 0 titles/],
    [{ 'docs/a.md': '# A\n\n# B\n' }, /has 2 titles/],
    [{ 'docs/a.md': 'Text\n\n# A\n' }, /does not begin/],
  ],
  sound: { 'docs/a.md': '# A\n\n## B\n\n```\n# a comment of the shell\n```\n' },
}

function linesOf(
  house: House,
  judge: (line: string, file: SourceFile) => string | undefined,
): readonly string[] {
  return house.flatMap((file) =>
    file.text.split('\n').flatMap((line, i) => {
      const what = judge(line, file)
      return what === undefined ? [] : [`${file.path}:${i + 1} ${what}`]
    }),
  )
}

export const textRules: readonly Rule[] = [
  shortFiles,
  shortLines,
  named,
  finished,
  portable,
  ofTheProduct,
  titled,
]
