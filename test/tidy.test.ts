// The rules of the house that no compiler checks. Each is tried on planted violations first: a rule that sees
// nothing would hold for ever.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { bareOf } from './tidy/bare.ts'
import { codeRules } from './tidy/code.ts'
import { exportRules } from './tidy/exports.ts'
import { houseOf, readHouse } from './tidy/house.ts'
import { importRules } from './tidy/imports.ts'
import { manifestRules } from './tidy/manifests.ts'
import { textRules } from './tidy/text.ts'

const house = readHouse(join(import.meta.dirname, '..'))
const rules = [...importRules, ...codeRules, ...textRules, ...exportRules, ...manifestRules]

describe('the house', () => {
  for (const { name, check } of rules) {
    test(name, () => {
      const violations = check(house)
      assert.equal(violations.length, 0, `\n${violations.join('\n')}\n`)
    })
  }

  test('is read whole', () => {
    const paths = new Set(house.map(({ path }) => path))
    const expected = [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      '.ci/run',
      'CHANGELOG.md',
      'scripts/setup.mjs',
    ]
    const samples = [
      'packages/core/src/tree.ts',
      'packages/core/test/tree.test.ts',
      'test/tidy.test.ts',
      'spec/tree.md',
    ]
    for (const path of [...expected, ...samples]) assert.ok(paths.has(path), path)
    assert.ok([...paths].every((path) => !path.includes('node_modules')))
  })
})

describe('the rule', () => {
  for (const { name, check, planted, sound } of rules) {
    test(`"${name}" finds what is planted, and nothing in a sound house`, () => {
      assert.ok(planted.length > 0)
      for (const [files, pattern] of planted) {
        const violations = check(houseOf(files))
        assert.equal(violations.length, 1, `${JSON.stringify(files)}\n${violations.join('\n')}`)
        assert.match(violations[0] as string, pattern)
      }
      assert.deepEqual(check(houseOf(sound)), [])
    })
  }
})

describe('what counts as code', () => {
  const cases = [
    ["a = 'it\\'s' + \"x\" // no", 'a = \'     \' + " "      '],
    ['a /* {\n} */ b', 'a     \n     b'],
    ['`a @{b + `c@{d}` + {e}} f` + g', '`    b + `   d ` + {e}   ` + g'],
    ['a = b / c / d', 'a = b / c / d'],
    ['a.match(/[\'"/]{2}\\//g)', 'a.match(/          /g)'],
    ['a = <p>{b}</p>', 'a = <p>{b}</p>'],
    ['a = <p b={c} /> + d', 'a = <p b={c} /> + d'],
    ["import { a } from './b.ts'", "import { a } from '      '"],
  ] as const
  for (const [source, bare] of cases) {
    test(source, () => assert.equal(bareOf(source.replaceAll('@', '$')), bare))
  }
})
