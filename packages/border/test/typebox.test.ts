import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from '@ledgerstone/border/typebox'
import { Type as TypeBox } from 'typebox'

/** One of each, with and without options, made by either. */
function schemas(t: typeof Type): readonly object[] {
  const word = t.String({ pattern: '^[a-z]+$', description: 'a word' })
  const labels = t.Record(t.String(), word, { description: 'labels' })
  const shared = { id: t.String(), meta: t.Optional(labels) }
  const closed = { additionalProperties: false }
  return [
    ...[t.String(), word, t.Boolean(), t.Boolean({ default: true }), t.Integer(), t.Integer({ minimum: 0 })],
    ...[t.Null(), t.Null({ title: 'n' }), t.Unknown(), t.Unknown({ description: 'anything' })],
    ...[t.Literal('a'), t.Literal(1), t.Literal(true), t.Literal('b', { description: 'b' })],
    ...[t.Array(word), t.Array(word, { minItems: 1 }), t.Union([t.Null(), word]), t.Unsafe({ enum: ['a'] })],
    ...[t.Union([t.Literal('a')], { title: 'u' }), labels, t.Record(word, t.Integer())],
    ...[t.Object({}), t.Object({}, closed), t.Object({ a: t.Optional(t.Integer()) })],
    t.Object({ a: t.Integer(), b: t.Optional(t.Boolean()), ...shared }, closed),
    t.Object({ list: t.Array(t.Object({ ...shared, size: t.Optional(t.Unsafe({ type: 'integer' })) })) }),
  ]
}

test('schemas are written as TypeBox writes them', () => {
  const own = schemas(Type)
  const theirs = schemas(TypeBox)
  assert.ok(own.length > 0)
  for (const [i, schema] of own.entries()) {
    assert.equal(JSON.stringify(schema), JSON.stringify(theirs[i]))
  }
})

test('a member is optional where it was made so, and not where it came from', () => {
  const size = Type.Integer()
  const [some, all] = [Type.Object({ size: Type.Optional(size) }), Type.Object({ size })]
  assert.deepEqual([some.required, all.required], [undefined, ['size']])
})
