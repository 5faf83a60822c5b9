// What the commands print: text for people, one JSON value with --json; results on stdout, everything else on
// stderr.
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import { Refused } from '@ledgerstone/core/refused'
import { WayFailed } from '@ledgerstone/exchange/way'
import { Interrupted } from './interruption.ts'

export type Output = {
  readonly json: boolean
  /** The result: `text` for people, `value` with --json. */
  result(value: unknown, text: string): void
  /** Something to know that is not the result. */
  note(text: string): void
  progress(what: string, total: number | undefined): Progress
}

export type Progress = {
  advance(done: number): void
  finish(text: string): void
  /** Takes the bar away: what is told next has its line. */
  clear(): void
}

/** Exit codes of the command line; `interrupted` is what a shell says of a program that Ctrl-C has ended. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, refused: 3, unreachable: 4, interrupted: 130 } as const

export function outputOf(options: { readonly json?: boolean }): Output {
  const json = options.json === true
  return {
    json,
    result(value, text) {
      process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`)
    },
    note(text) {
      process.stderr.write(`${text}\n`)
    },
    progress: (what, total) => progressOf(what, total, process.stderr.isTTY && !json),
  }
}

/** `1 block`, `1,500 blocks`. */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`
}

/** The exit code for what a command threw, and its words for people. Keeps stacks for bugs. */
export function explain(error: unknown): {
  readonly exitCode: number
  readonly text: string
  readonly code?: string
} {
  // Nobody has refused anything where nobody answers.
  if (isUnreachable(error)) {
    return { exitCode: exitCodes.unreachable, text: `unreachable: ${error.message}` }
  }
  if (error instanceof Refused) {
    const because = error.cause instanceof Refused ? error.cause.message : ''
    const cause = error.message.includes(because) ? '' : ` (${because})`
    return {
      exitCode: exitCodes.refused,
      text: `refused: ${error.message}${cause} [${error.code}]`,
      code: error.code,
    }
  }
  if (error instanceof Interrupted) return { exitCode: exitCodes.interrupted, text: error.message }
  if (isOperating(error)) return { exitCode: exitCodes.failed, text: operatingText(error) }
  return {
    exitCode: exitCodes.failed,
    text: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}

function isUnreachable(error: unknown): error is Error {
  if (error instanceof Unreachable || error instanceof WayFailed) return true
  return error instanceof Refused && error.code === 'issuer-unavailable' && isUnreachable(error.cause)
}

/** The machine's fault or a service's, whose words say it all: a stack would only hide them. */
function isOperating(error: unknown): error is Error {
  if (error instanceof UnexpectedAnswer) return true
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code))
}

/** The commonest ones in words; the system's own for all others. */
function operatingText(error: Error): string {
  const { code, path, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE' && port !== undefined) {
    const where = `port ${port} of ${address ?? 'this computer'}`
    const choice = '--port N, or listen.port of a configuration'
    return `another program listens on ${where}: choose another port (${choice})`
  }
  if (path === undefined) return error.message
  if (code === 'ENOENT') return `there is no ${path}`
  if (code === 'EISDIR') return `${path} is a folder`
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be read or written by this user`
  return error.message
}

const barWidth = 30
const redrawEveryMs = 100
const eraseLine = '\r\x1b[2K'

/** A bar on a terminal; silence otherwise, but for the last line. */
function progressOf(what: string, total: number | undefined, drawn: boolean): Progress {
  const started = performance.now()
  let drawnAt = 0
  const draw = (done: number): void => {
    const seconds = Math.max((performance.now() - started) / 1000, 0.001)
    const rate = `${Math.round(done / seconds).toLocaleString('en')}/s`
    if (total === undefined || total === 0)
      return void process.stderr.write(`\r${what} ${done.toLocaleString('en')} ${rate}  `)
    const filled = Math.min(barWidth, Math.floor((done / total) * barWidth))
    const left = done === 0 ? '' : `, ${Math.ceil(((total - done) / done) * seconds)} s left`
    const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
    process.stderr.write(`\r${what} ${bar} ${Math.floor((done / total) * 100)} % ${rate}${left}      `)
  }
  return {
    advance(done) {
      if (!drawn || performance.now() - drawnAt < redrawEveryMs) return
      drawnAt = performance.now()
      draw(done)
    },
    finish(text) {
      process.stderr.write(drawn ? `\r${text}${' '.repeat(60)}\n` : `${text}\n`)
    },
    clear() {
      if (drawnAt > 0) process.stderr.write(eraseLine)
    },
  }
}
