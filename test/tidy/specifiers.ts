// What a file imports and exports, and which file an import means.
import { posix } from 'node:path'
import type { House, SourceFile } from './house.ts'

export type Import = {
  readonly specifier: string
  readonly at: number
  /**
   * Names as the other file exports them; undefined when the whole module is taken, by `* as` or `import()`.
   */
  readonly names: readonly string[] | undefined
  /** `export ... from`. */
  readonly isReExport: boolean
}

const braces = String.raw`\{[^{}]*\}`
const whole = String.raw`\*(?:\s*as\s+[\w$]+)?`
const statements = new RegExp(
  [
    String.raw`\bimport\s+(?:type\s+)?(?<named>(?:[\w$]+\s*,?\s*)?(?:${braces}|${whole})?)\s*from\s*['"]`,
    String.raw`\bimport\s*\(\s*['"]`,
    String.raw`\bimport\.meta\.resolve\(\s*['"]`,
    String.raw`\b(?:require|createRequire\(import\.meta\.url\))\(\s*['"]`,
    String.raw`\bimport\s*['"]`,
    String.raw`\bexport\s+(?:type\s+)?(?<passed>${braces}|${whole})\s*from\s*['"]`,
  ].join('|'),
  'g',
)

export function importsOf(file: SourceFile): readonly Import[] {
  return [...file.bare.matchAll(statements)].map((match) => {
    const quoteAt = match.index + match[0].length - 1
    const end = file.bare.indexOf(file.bare[quoteAt] as string, quoteAt + 1)
    const { named, passed } = match.groups ?? {}
    return {
      specifier: file.text.slice(quoteAt + 1, end),
      at: match.index,
      names: namesOf(named ?? passed ?? '*'),
      isReExport: passed !== undefined,
    }
  })
}

function namesOf(clause: string): readonly string[] | undefined {
  if (clause.includes('*')) return undefined
  const inBraces = /\{([^}]*)\}/.exec(clause)?.[1] ?? ''
  const names = inBraces.split(',').map(
    (part) =>
      part
        .trim()
        .replace(/^type\s+/, '')
        .split(/\s+as\s+/)[0]
        ?.trim() ?? '',
  )
  const defaultName = /^\s*[\w$]+\s*(?:,|$|\bfrom\b)/.test(clause) ? ['default'] : []
  return [...defaultName, ...names.filter((name) => name !== '')]
}

export type Export = { readonly name: string; readonly at: number; readonly isType: boolean }

const declarations =
  /^export\s+(?:(?:declare|abstract|async)\s+)*(function\*?|class|const|let|type|interface)\s+([\w$]+)/gm
const lists = /^export\s+(type\s+)?\{([^}]*)\}/gm

export function exportsOf(file: SourceFile): readonly Export[] {
  const declared = [...file.bare.matchAll(declarations)].map((match) => {
    const isType = match[1] === 'type' || match[1] === 'interface'
    return { name: match[2] as string, at: match.index, isType }
  })
  const listed = [...file.bare.matchAll(lists)].flatMap((match) =>
    (match[2] as string)
      .split(',')
      .filter((part) => part.trim() !== '')
      .map((part) => ({
        name: part.trim().split(/\s+/).at(-1) as string,
        at: match.index,
        isType: !!match[1],
      })),
  )
  return [...declared, ...listed]
}

/**
 * The paths of the house that a specifier means: several for a conditional import, none for another package.
 */
export function resolve(house: House, file: SourceFile, specifier: string): readonly string[] {
  if (specifier.startsWith('.')) return [posix.join(posix.dirname(file.path), specifier)]
  const own = /^@ledgerstone\/([^/]+)\/(.+)$/.exec(specifier)
  if (own) return [`packages/${own[1]}/src/${own[2]}.ts`]
  if (!specifier.startsWith('#')) return []
  const manifestPath = file.owner === undefined ? 'package.json' : `packages/${file.owner}/package.json`
  const manifest = house.find(({ path }) => path === manifestPath)
  const imports = manifest === undefined ? {} : (JSON.parse(manifest.text).imports ?? {})
  const targets = imports[specifier] === undefined ? [] : Object.values<string>(imports[specifier])
  return targets.map((target) => posix.join(posix.dirname(manifestPath), target))
}

/**
 * The name under which a specifier's package is published; undefined for files and for what Node brings
 * along.
 */
export function packageOf(specifier: string): string | undefined {
  if (/^(?:[.#/]|node:|https?:|data:)/.test(specifier)) return undefined
  const [scope = '', name] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
