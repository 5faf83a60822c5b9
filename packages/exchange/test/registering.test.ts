// A registry that does not say whether it has the keys, and one that is away.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { until } from '../../core/test/until.ts'
import type { Registered } from '../src/exchange-state.ts'
import { openJournal } from '../src/journal.ts'
import { type Registering, registerWhenPossible, Unsettled } from '../src/registering.ts'
import { exchanged, type Served, serve } from './serving.ts'

const done: Registered = { blocks: [], approvalsMissing: 0 }
const away = new Error('nothing answers')
const unsettled = new Unsettled('no answer in time')

/** Throws these one after the other, then registers; `delays` is what was told meanwhile. */
function registering(
  troubles: readonly Error[],
  more: Partial<Registering> = {},
): Registering & { delays: unknown[] } {
  const left = [...troubles]
  const delays: unknown[] = []
  const register = async (): Promise<Registered> => {
    const next = left.shift()
    if (next !== undefined) throw next
    return done
  }
  return {
    ...{
      register,
      mayStand: false,
      registerMs: 0,
      now: Date.now,
      onDelay: (error) => void delays.push(error),
    },
    ...{ signal: new AbortController().signal, delays, ...more },
  }
}

describe('a registration', () => {
  test('is given up when its time is over and nothing can stand in the registry', async () => {
    await assert.rejects(registerWhenPossible(registering([away])), away)
  })

  test('is not given up, however late, as long as some of it may stand there', async () => {
    const asked = registering([unsettled, away, new Refused('pool-full', 'later')])
    assert.equal(await registerWhenPossible(asked), done)
    assert.equal(asked.delays.length, 3)
  })

  test('is not given up either when a process before this one may have asked for it', async () => {
    assert.equal(await registerWhenPossible(registering([away], { mayStand: true })), done)
  })

  test('ends with a refusal that will not pass, also after that', async () => {
    const refused = new Refused('id-reused', 'the key is registered already')
    await assert.rejects(registerWhenPossible(registering([unsettled, refused])), refused)
  })

  test('stops when it is told to', async () => {
    const stopping = new AbortController()
    const asked = registering([unsettled], { signal: stopping.signal, onDelay: () => stopping.abort() })
    assert.equal(await registerWhenPossible(asked), undefined)
  })
})

describe('an exchange', () => {
  test('of which nobody knows whether it is registered is registered in the end', async () => {
    const troubles: unknown[] = [unsettled, away, away]
    await using served = await serve({ registerMs: 1 })
    served.trouble.push(...troubles)
    const { registered } = await exchanged(served)
    assert.equal(registered.blocks.length, 2)
    assert.equal(stateOf(served), 'registered')
    const delays = served.events.filter(({ event }) => event === 'registration-delayed')
    assert.equal(delays.length, 3)
    const [told] = served.events.filter(({ event }) => event === 'registered')
    assert.match(told?.detail ?? '', / in block 0 of keys, .* in block 1 of keys$/)
  })

  test('goes on after a restart with a ledger that is still away', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'registering-'))
    const open = (troubles: readonly Error[]): Promise<Served> =>
      serve({ registerMs: 1, journal: openJournal(join(folder, 'exchanges.jsonl')) }, troubles)
    const leaving = new AbortController()
    {
      await using first = await open(Array<Error>(100).fill(unsettled))
      void exchanged(first, { signal: leaving.signal }).catch(() => undefined)
      await until(() => stateOf(first) === 'confirmed', 'it is confirmed')
      leaving.abort()
    }
    await using again = await open([away, away])
    await until(() => stateOf(again) === 'registered', 'it is registered')
    assert.equal(again.registered.size, 2)
    rmSync(folder, { recursive: true })
  })
})

function stateOf({ exchanges }: Served): string | undefined {
  return exchanges.list()[0]?.state
}
