// Runs the tests under `node --test`'s own machinery, one process per file, and says in few lines how they
// went.
//
//   npm test                          everything
//   npm test -- core/ tidy            only files whose path contains one of the words
//   npm test -- --name 'refuses .*'   only tests whose name matches
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { inspect, parseArgs } from 'node:util'

type Failure = { readonly name: string; readonly error: unknown }
type FileRun = { tests: number; isPassed: boolean; output: string; readonly failures: Failure[] }
type TestEvent = {
  readonly name: string
  readonly nesting: number
  readonly file?: string
  readonly entryFile?: string
  readonly classname?: string
  readonly details: {
    readonly type?: string
    readonly duration_ms: number
    readonly passed: boolean
    readonly error?: Error
  }
}

const root = join(import.meta.dirname, '..')
const suiteTimeoutMs = 60 * 60 * 1000
const testTimeoutMs = 10 * 60 * 1000
const linesShown = 40 // of the beginning and of the end of what is long

const { positionals: words, values } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string' }, concurrency: { type: 'string' } },
})

// The end-to-end tests take longest, so they start first.
const everyFile = ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'].flatMap((glob) =>
  globSync(glob, { cwd: root }).sort(),
)
const files = everyFile.filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
process.exitCode = (await runAll(files)) ? 0 : 1

async function runAll(files: readonly string[]): Promise<boolean> {
  if (files.length === 0) {
    console.log(`no test file has a path with ${words.join(' or ')} in it\n0 passed, 0 failed`)
    return false
  }
  const events = run({
    files: files.map((file) => join(root, file)),
    concurrency: Number(values.concurrency ?? Math.max(2, availableParallelism())),
    timeout: testTimeoutMs,
    signal: AbortSignal.timeout(suiteTimeoutMs),
    ...(values.name === undefined ? {} : { testNamePatterns: [new RegExp(values.name)] }),
  })
  const runs = new Map(files.map((file) => [join(root, file), emptyRun()]))
  let closing = ''
  let counts = { passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 }

  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') runOf(runs, data).output += data.message
    if (type === 'test:summary' && data.file === undefined) counts = data.counts
    if (type === 'test:diagnostic' && data.nesting === 0) closing += `ℹ ${data.message}\n`
    if (type === 'test:complete') recordCompletion(runs, data as TestEvent)
  }

  for (const [file, fileRun] of runs) if (!fileRun.isPassed) reportFailures(file, fileRun)
  const failedFiles = [...runs.values()].filter(({ isPassed }) => !isPassed).length
  const failed = Math.max(counts.failed + counts.cancelled, failedFiles)
  const skipped = counts.skipped + counts.todo
  console.log(
    `\n${closing}\n${counts.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  )
  return failed === 0 && counts.passed > 0
}

function emptyRun(): FileRun {
  return { tests: 0, isPassed: false, output: '', failures: [] }
}

function runOf(
  runs: Map<string, FileRun>,
  { file, entryFile }: { file?: string; entryFile?: string },
): FileRun {
  const found = runs.get(entryFile ?? file ?? '')
  if (found === undefined) throw new Error(`an event of a file that was not asked for: ${entryFile ?? file}`)
  return found
}

/** Completions come as they happen; node hands out all other events in the order of the files. */
function recordCompletion(runs: Map<string, FileRun>, event: TestEvent): void {
  const fileRun = runOf(runs, event)
  const { passed, type, error, duration_ms } = event.details
  if (event.nesting === 0 && runs.has(event.name)) {
    // For node, a file that ends without having registered a test has passed.
    fileRun.isPassed = passed && (fileRun.tests > 0 || values.name !== undefined)
    const seconds = (duration_ms / 1000).toFixed(1)
    const path = relative(root, event.name)
    console.log(`${fileRun.isPassed ? '✔' : '✖'} ${path} (${fileRun.tests} tests, ${seconds} s)`)
    return
  }
  if (type === 'test') fileRun.tests += 1
  const isParentOfFailure = (error as { failureType?: string } | undefined)?.failureType === 'subtestsFailed'
  if (passed || isParentOfFailure) return
  const name = [event.classname, event.name].filter(Boolean).join(' > ')
  fileRun.failures.push({ name, error: error?.cause ?? error })
}

function reportFailures(file: string, { tests, output, failures }: FileRun): void {
  console.log(`\n✖ ${relative(root, file)}${tests === 0 ? ': registered no test' : ''}`)
  for (const { name, error } of failures) console.log(`  ✖ ${name}\n${indent(describeError(error))}`)
  if (output !== '') console.log(`  what it printed:\n${indent(clip(output.trimEnd()))}`)
}

/**
 * The stack with its message, without node's own frames and without the compared values, which the message
 * shows.
 */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error)
  const stack = (error.stack ?? String(error)).replace(/\n +at .*node:internal.*/g, '')
  const cause = error.cause === undefined ? '' : `\ncaused by ${describeError(error.cause)}`
  return clip(stack) + cause
}

function clip(text: string): string {
  const lines = text.split('\n').map((line) => (line.length > 1000 ? `${line.slice(0, 1000)} ...` : line))
  const dropped = lines.length - 2 * linesShown
  if (dropped <= 0) return lines.join('\n')
  return [...lines.slice(0, linesShown), `... ${dropped} lines ...`, ...lines.slice(-linesShown)].join('\n')
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
