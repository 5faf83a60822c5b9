import type { FastifyBaseLogger } from 'fastify'
import type { Logger } from 'pino'

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/**
 * A child of a logger that is made when the first line is written to it: making one takes longer than most
 * of what a request needs, and most requests write nothing. `make` is called at most once.
 */
export function lazyChild(parent: FastifyBaseLogger, make: () => FastifyBaseLogger): FastifyBaseLogger {
  return new LazyChild(parent as Logger, make) as unknown as FastifyBaseLogger
}

class LazyChild {
  readonly #parent: Logger
  readonly #make: () => FastifyBaseLogger
  #made: FastifyBaseLogger | undefined

  constructor(parent: Logger, make: () => FastifyBaseLogger) {
    this.#parent = parent
    this.#make = make
  }

  get level(): string {
    return this.#parent.level
  }
  fatal(...line: unknown[]): void {
    this.#write('fatal', line)
  }
  error(...line: unknown[]): void {
    this.#write('error', line)
  }
  warn(...line: unknown[]): void {
    this.#write('warn', line)
  }
  info(...line: unknown[]): void {
    this.#write('info', line)
  }
  debug(...line: unknown[]): void {
    this.#write('debug', line)
  }
  trace(...line: unknown[]): void {
    this.#write('trace', line)
  }
  silent(): void {}
  child(...settings: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#child().child(...settings)
  }

  #write(level: Level, line: readonly unknown[]): void {
    if (!this.#parent.isLevelEnabled(level)) return
    const child = this.#child()
    Reflect.apply(child[level], child, line)
  }

  #child(): FastifyBaseLogger {
    this.#made ??= this.#make()
    return this.#made
  }
}
