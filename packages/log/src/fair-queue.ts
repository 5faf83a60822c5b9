// Items of many callers, taken in rounds: one of each caller, then the next one of each. A caller's own items
// keep their order, so a batch is committed in its order, and a thousand records of one caller delay nobody
// else.

/**
 * What to do with the item at the front of a caller's line: `wait` leaves it and that caller's others alone.
 */
export type Turn = 'take' | 'drop' | 'wait' | 'stop'

export class FairQueue<T> {
  readonly #lines = new Map<string, Line<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  push(caller: string, item: T): void {
    const line = this.#lines.get(caller)
    if (line === undefined) this.#lines.set(caller, { items: [item], front: 0 })
    else line.items.push(item)
    this.#size++
  }

  /** At most `perCallerMax` items of each caller; `turn` is asked about each item and may end the round. */
  take(perCallerMax: number, turn: (item: T) => Turn): T[] {
    const taken: T[] = []
    let callers = [...this.#lines.keys()]
    for (let round = 0; round < perCallerMax && callers.length > 0; round++) {
      const again: string[] = []
      for (const caller of callers) {
        const next = this.#next(caller, turn)
        if (next === 'stop') {
          this.#startWith(caller)
          return taken
        }
        if (next === 'wait') continue
        taken.push(next.item)
        again.push(caller)
      }
      callers = again
    }
    return taken
  }

  /** Empties the queue. */
  drain(): T[] {
    const items = [...this.#lines.values()].flatMap((line) => line.items.slice(line.front))
    this.#lines.clear()
    this.#size = 0
    return items
  }

  #next(caller: string, turn: (item: T) => Turn): { readonly item: T } | 'wait' | 'stop' {
    const line = this.#lines.get(caller)
    while (line !== undefined && line.front < line.items.length) {
      const item = line.items[line.front] as T
      const verdict = turn(item)
      if (verdict === 'wait' || verdict === 'stop') return verdict
      this.#shift(caller, line)
      if (verdict === 'take') return { item }
    }
    return 'wait'
  }

  #shift(caller: string, line: Line<T>): void {
    line.front++
    this.#size--
    if (line.front === line.items.length) this.#lines.delete(caller)
    else if (line.front > 1024 && line.front * 2 > line.items.length) {
      line.items.splice(0, line.front)
      line.front = 0
    }
  }

  /** The next round begins with this caller, whose turn could not be given any more. */
  #startWith(caller: string): void {
    for (const [name, line] of [...this.#lines]) {
      if (name === caller) return
      this.#lines.delete(name)
      this.#lines.set(name, line)
    }
  }
}

type Line<T> = { readonly items: T[]; front: number }
