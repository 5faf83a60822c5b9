// The house as the rules see it: a list of files, path and text. A rule is a function of it, so that a
// planted house of one bad file shows whether the rule sees anything at all.
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bareOf, lineAt } from './bare.ts'

export type House = readonly SourceFile[]

/** A file of the repository; `path` is relative to its root, with slashes. */
export class SourceFile {
  readonly path: string
  readonly text: string
  #bare: string | undefined

  constructor(path: string, text: string) {
    this.path = path
    this.text = text
  }

  /** Its code without comments and the contents of strings; offsets and lines are those of `text`. */
  get bare(): string {
    this.#bare ??= bareOf(this.text)
    return this.#bare
  }
  get isCode(): boolean {
    return /\.(?:ts|tsx|mjs)$/.test(this.path)
  }
  /** Tests, their vectors' readers and fakes: all that does not ship. */
  get isTest(): boolean {
    return /(?:^|\/)test\//.test(this.path)
  }
  /** The package it belongs to; undefined for the files beside the packages. */
  get owner(): string | undefined {
    return /^packages\/([^/]+)\//.exec(this.path)?.[1]
  }
  at(offset: number, what: string): string {
    return `${this.path}:${lineAt(this.text, offset)} ${what}`
  }
}

export type Planted = Readonly<Record<string, string>>

export type Rule = {
  readonly name: string
  /** One line per violation: path, line, what is wrong. */
  readonly check: (house: House) => readonly string[]
  /**
   * Small houses in each of which the rule must find exactly one violation, the one that the pattern
   * describes.
   */
  readonly planted: readonly (readonly [Planted, RegExp])[]
  /** A house in which it must find none. */
  readonly sound: Planted
}

export function houseOf(files: Planted): House {
  return Object.entries(files).map(([path, text]) => new SourceFile(path, text))
}

const folders = ['bench', 'deploy', 'docs', 'examples', 'packages', 'scripts', 'spec', 'test']
const texts = '{ts,tsx,mjs,md,json,yaml,yml,sh,html,css}'
const elsewhere = /(?:^|\/)(?:node_modules|dist|data)(?:\/|$)/

/** Every text file of the repository but vectors (they are bytes) and what tools write. */
export function readHouse(root: string): House {
  const globs = [
    ...folders.map((folder) => `${folder}/**/*.${texts}`),
    `*.${texts}`,
    '.ci/run',
    'deploy/**/Containerfile*',
  ]
  const paths = globs.flatMap((glob) =>
    globSync(glob, { cwd: root, exclude: (path) => elsewhere.test(path) }),
  )
  const files = [...new Set(paths)].sort().filter((path) => statSync(join(root, path)).isFile())
  return files.map((path) => new SourceFile(path, readFileSync(join(root, path), 'utf8')))
}
