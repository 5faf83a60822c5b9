// A disk that fails on demand, and that forgets what was not synced when its power is cut.
import { readFileSync, writeFileSync } from 'node:fs'
import { concat } from '@ledgerstone/core/bytes'
import type { File, FileOperations } from '../src/file/durable.ts'
import { operatingSystem } from '../src/file/durable.ts'

/**
 * How one call fails: `lost` without having done anything, `short` after half of it, `kept` after all of it,
 * each with EIO; `full` after half of it with ENOSPC; `crash` before it, and every later call too.
 */
export type Fault = 'lost' | 'short' | 'kept' | 'full' | 'crash'
export type Call = { readonly kind: 'write' | 'truncate' | 'sync'; readonly file: string }

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly at: number }

export class SimulatedDisk {
  readonly calls: Call[] = []
  /** Which calls fail, counted from 0, and how. */
  readonly failing = new Map<number, Fault>()
  hasFailed = false
  #isDown = false
  readonly #synced = new Map<string, Uint8Array>()
  readonly #pending = new Map<string, Change[]>()

  readonly operations: FileOperations = {
    write: (file, parts, at) => {
      const bytes = concat(...parts)
      const fault = this.#call('write', file)
      if (fault === 'lost') throw failure('EIO')
      const half = fault === 'short' || fault === 'full'
      const written = half ? bytes.subarray(0, bytes.length >> 1) : bytes
      this.#pend(file, { kind: 'write', at, bytes: written })
      operatingSystem.write(file, [written], at)
      if (fault !== undefined) throw failure(fault === 'full' ? 'ENOSPC' : 'EIO')
    },
    truncate: (file, bytes) => {
      const fault = this.#call('truncate', file)
      if (fault === undefined || fault === 'kept') {
        this.#pend(file, { kind: 'truncate', at: bytes })
        operatingSystem.truncate(file, bytes)
      }
      if (fault !== undefined) throw failure('EIO')
    },
    sync: async (file) => {
      const fault = this.#call('sync', file)
      this.#pend(file)
      if (fault === 'lost' || fault === 'full') {
        // As Linux does it: what could not be written counts as written from now on, and is not tried again.
        this.#pending.set(file.path, [])
      } else {
        const changes = this.#pending.get(file.path) ?? []
        // What is written during a real sync may or may not be in it: here it is not.
        this.#synced.set(file.path, changes.reduce(change, this.#synced.get(file.path) ?? new Uint8Array()))
        this.#pending.set(file.path, [])
      }
      await Promise.resolve()
      if (fault !== undefined) throw failure(fault === 'full' ? 'ENOSPC' : 'EIO')
    },
  }

  /**
   * Leaves in the files what a power cut would: all that was synced and of the rest whatever `survives`
   * picks, change by change. Nobody may have the files open.
   */
  cutPower(survives: (change: number) => boolean): void {
    let number = 0
    for (const [path, changes] of this.#pending) {
      const kept = changes.filter(() => survives(number++))
      writeFileSync(path, kept.reduce(change, this.#synced.get(path) ?? new Uint8Array()))
    }
  }

  #call(kind: Call['kind'], file: File): Fault | undefined {
    const fault = this.#isDown ? 'crash' : this.failing.get(this.calls.length)
    this.calls.push({ kind, file: file.path })
    if (fault === undefined) return undefined
    this.hasFailed = true
    if (fault !== 'crash') return fault
    this.#isDown = true
    throw new Error('the power is off')
  }

  #pend(file: File, next?: Change): void {
    if (!this.#synced.has(file.path)) this.#synced.set(file.path, readFileSync(file.path))
    const changes = this.#pending.get(file.path) ?? []
    if (next !== undefined) changes.push(next)
    this.#pending.set(file.path, changes)
  }
}

function change(content: Uint8Array, next: Change): Uint8Array {
  if (next.kind === 'truncate') {
    const cut = new Uint8Array(next.at)
    cut.set(content.subarray(0, next.at))
    return cut
  }
  const grown = new Uint8Array(Math.max(content.length, next.at + next.bytes.length))
  grown.set(content)
  grown.set(next.bytes, next.at)
  return grown
}

function failure(code: 'EIO' | 'ENOSPC'): Error {
  return Object.assign(new Error(`${code}: simulated`), { code })
}
