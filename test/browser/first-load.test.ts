// What a browser fetches before it shows the explorer for the first time.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

test('the first load has at most 300 KB', () => {
  const dist = join(import.meta.dirname, '..', '..', 'packages', 'explorer', 'dist')
  const loaded = new Set<string>()
  const load = (name: string): void => {
    if (loaded.has(name)) return
    loaded.add(name)
    const text = readFileSync(join(dist, name), 'utf8')
    // Scripts and styles that the page names, and what those import before they run.
    for (const [, found] of text.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) load(found as string)
    if (name.endsWith('.js')) {
      for (const [, found] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) load(`assets/${found}`)
    }
  }
  load('index.html')
  const sizes = [...loaded].map((name) => [name, readFileSync(join(dist, `${name}.gz`)).length] as const)
  const bytes = sizes.reduce((sum, [, size]) => sum + size, 0)
  assert.ok(loaded.size >= 3 && bytes > 50_000, 'nothing was measured')
  assert.ok(bytes <= 300 * 1024, `${bytes} bytes: ${JSON.stringify(sizes)}`)
})
