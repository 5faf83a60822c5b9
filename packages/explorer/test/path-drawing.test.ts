import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawPath } from '../src/pages/block/path-drawing.ts'
import type { PathView } from '../src/proof/views.ts'

const path: PathView = {
  index: 2,
  size: 4,
  leaf: 'leaf',
  root: 'top',
  steps: [
    { sibling: 'right', side: 'right', node: 'middle' },
    { sibling: 'left', side: 'left', node: 'top' },
  ],
}

test('a sound path leads from the leaf at the bottom to the root at the top', () => {
  const { nodes, edges, sound } = drawPath(path)
  assert.equal(sound, true)
  assert.deepEqual(
    nodes.map(({ role, hash }) => `${role} ${hash}`),
    ['leaf leaf', 'sibling right', 'node middle', 'sibling left', 'root top'],
  )
  const yOf = (hash: string): number => nodes.find((node) => node.hash === hash)?.y ?? 0
  const xOf = (hash: string): number => nodes.find((node) => node.hash === hash)?.x ?? 0
  assert(yOf('leaf') > yOf('middle') && yOf('middle') > yOf('top'))
  assert(xOf('right') > xOf('leaf') && xOf('left') < xOf('leaf'))
  assert.equal(yOf('right'), yOf('leaf'))
  assert.equal(edges.length, 4)
})

test('a path that ends elsewhere is drawn below the root that it should have reached', () => {
  const { nodes, sound, height } = drawPath({ ...path, root: 'other' })
  assert.equal(sound, false)
  const [expected, end] = [nodes.at(-1), nodes.find(({ hash }) => hash === 'top')]
  assert.equal(expected?.role, 'expected')
  assert.equal(end?.role, 'node')
  assert((expected?.y ?? 0) < (end?.y ?? 0))
  assert(nodes.every(({ y }) => y > 0 && y < height))
})

test('a tree of one block is its own root', () => {
  const alone: PathView = { index: 0, size: 1, leaf: 'only', root: 'only', steps: [] }
  assert.equal(drawPath(alone).sound, true)
  assert.equal(drawPath({ ...alone, root: 'other' }).sound, false)
})
