// What the worker does for the page: one ledger, one trust file, one replay of the key registry for all that
// is asked.
import { ledgerApi } from '@ledgerstone/client/api'
import type { Fetch, TokenSource } from '@ledgerstone/client/http'
import { type Memory, memoryKey, plainMemory } from '@ledgerstone/client/memory'
import type { BlockReader } from '@ledgerstone/client/open'
import { RegistryFollower } from '@ledgerstone/client/registry'
import { formatHex } from '@ledgerstone/core/bytes'
import { verifyEvidence } from '@ledgerstone/core/evidence'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { parseTrust } from '@ledgerstone/core/trust'
import type { ProofNews } from './channel.ts'
import type { Alarm, Database } from './database.ts'
import { dismiss, isAlarm, ledgerKey, raise, readAlarms, storedMemory } from './head-memory.ts'
import { checkHeads, type HeadCheck } from './heads.ts'
import { type HeadView, type QuestionName, type Questions, type Setting, viewError } from './messages.ts'
import { openBlock, openEvidence } from './open-block.ts'
import { type PinnedTrust, pin, readPinned, unpin, viewTrust } from './pinned-trust.ts'
import { keepKey, keptKeys, openerFor } from './private-key.ts'
import { readBlock } from './read-block.ts'
import { changeKeys, readKeyHistory, readKeys } from './registry-keys.ts'
import { verifyBlock } from './verify-block.ts'
import { readEvidence, verifyFiles } from './verify-file.ts'

/** On the desk, requests carry the cookie of its session too; they never leave this address. */
const reach: Fetch = (at, init) => fetch(at, { ...init, credentials: 'same-origin' })

export type ProverOptions = {
  readonly token: TokenSource
  /** Undefined when the browser stores nothing for this page. */
  readonly database: Database | undefined
  readonly now: () => number
  /** Other tabs, and this one's page, are told. */
  readonly tell: (news: ProofNews) => void
}

const withoutTrust: readonly QuestionName[] = ['configure', 'pin', 'unpin', 'alarms', 'dismiss']

type Work = {
  readonly [N in QuestionName]: (input: Questions[N]['input']) => Promise<Questions[N]['value']>
}

/** Answers every question of `messages.ts`, those before the first setting when that has come. */
export class Prover {
  readonly #options: ProverOptions
  readonly #memory: Memory
  readonly #configured = Promise.withResolvers<void>()
  #setting: Setting | undefined
  #pinned: PinnedTrust | undefined
  #refused: unknown
  #reader: BlockReader | undefined

  constructor(options: ProverOptions) {
    this.#options = options
    const { database, now } = options
    this.#memory = database === undefined ? plainMemory() : storedMemory(database, now)
  }

  async answer<N extends QuestionName>(
    name: N,
    input: Questions[N]['input'],
  ): Promise<Questions[N]['value']> {
    if (name !== 'configure') await this.#configured.promise
    // A trust file that cannot be read is never taken for none.
    if (this.#refused !== undefined && !withoutTrust.includes(name)) throw this.#refused
    return this.#work[name](input)
  }

  readonly #work: Work = {
    configure: async (setting) => {
      await this.#configure(setting)
      this.#configured.resolve()
      return undefined
    },
    'read-block': async ({ bucket, index }) => readBlock((await this.#ready()).api, bucket, index),
    'verify-block': async ({ bucket, index, shown }) => {
      const reader = await this.#ready()
      const verdict = await this.#watched(bucket, () => verifyBlock(reader, bucket, index, shown))
      for (const step of verdict.steps) {
        if (step.state !== 'failed' || (step.name !== 'history' && step.name !== 'registry')) continue
        const at = step.name === 'history' ? bucket : keysBucket
        await this.#alarm(at, new Refused(step.code, step.said))
      }
      return verdict
    },
    'open-block': async ({ bucket, index, key }) => {
      const reader = await this.#ready()
      const opener = await openerFor(key, this.#options.database)
      return this.#watched(bucket, () => openBlock(reader, bucket, index, opener))
    },
    evidence: async ({ bucket, index }) => {
      const text = await (await this.#ready()).api.evidence(bucket, index)
      const { block } = await verifyEvidence(text, this.#pinned?.trust)
      if (block.bucket === bucket && block.index === index) return text
      throw new Refused('bad-link', 'the ledger served the evidence of another block')
    },
    'verify-files': async ({ files, hash }) => {
      const known = { trust: this.#pinned?.trust, registry: this.#registry(), hash }
      const results = await verifyFiles(files, known)
      return results.map(({ name, size, ...result }) =>
        'refused' in result ? { name, size, error: viewError(result.refused) } : { name, size, ...result },
      )
    },
    'open-evidence': async ({ file, trust, key }) => {
      const given = trust === undefined ? undefined : parseTrust(await trust.text())
      const opener = await openerFor(key, this.#options.database)
      return openEvidence(await readEvidence(file, this.#pinned?.trust ?? given), opener)
    },
    keys: async () => {
      const reader = await this.#ready()
      return this.#watched(keysBucket, () => readKeys(reader, this.#options.now()))
    },
    'key-history': async ({ kid }) => readKeyHistory(await this.#ready(), kid),
    'change-keys': async ({ change, by }) => changeKeys(await this.#ready(), change, by, this.#options.now),
    heads: async () => {
      const reader = await this.#ready()
      await this.#checkGenesis(reader)
      const checks = await checkHeads(reader)
      for (const check of checks)
        if (check.state === 'refused') await this.#alarm(check.bucket, check.refused)
      return Promise.all(checks.map((check) => this.#viewHead(check)))
    },
    trust: async () => (this.#pinned === undefined ? undefined : viewTrust(this.#pinned)),
    pin: async ({ text }) => {
      await pin(this.#stored(), this.#set().ledger, text)
      await this.#configure(this.#set())
      return viewTrust(this.#pinned as PinnedTrust)
    },
    unpin: async () => {
      await unpin(this.#stored())
      return this.#configure(this.#set())
    },
    'keep-key': (given) => keepKey(this.#stored(), given, this.#options.now()),
    'kept-keys': () => keptKeys(this.#options.database),
    'forget-key': async ({ kid }) => {
      await this.#stored().delete('keys', kid)
    },
    alarms: async () => {
      const { database } = this.#options
      return database === undefined ? [] : readAlarms(database)
    },
    dismiss: async ({ key }) => {
      await dismiss(this.#stored(), key, this.#options.now())
      this.#options.tell('dismissed')
      // What this worker itself has seen is forgotten with it.
      this.forget()
    },
  }

  /** Begins anew: the next question replays the registry. */
  forget(): void {
    this.#reader = undefined
  }

  async #configure(setting: Setting): Promise<undefined> {
    this.#setting = setting
    let pinned: PinnedTrust | undefined
    let refused: unknown
    try {
      pinned = await readPinned(this.#options.database, setting.trust)
    } catch (error) {
      refused = error
    }
    // At once, so that no replay begins under one trust file and is held for that of another.
    this.#pinned = pinned
    this.#refused = refused
    this.#reader = undefined
  }

  async #ready(): Promise<BlockReader> {
    if (this.#reader !== undefined) return this.#reader
    const { url, ledger } = this.#set()
    const { token, now } = this.#options
    const api = ledgerApi({ url, token, fetch: reach, triesMax: 2 })
    const trust = this.#pinned?.trust ?? { ledger }
    const reader = api.log(keysBucket)
    const follower = new RegistryFollower({ trust, reader, memory: this.#memory, now })
    this.#reader = { api, trust, follower, memory: this.#memory }
    return this.#reader
  }

  /** Undefined until the registry was replayed. */
  #registry(): BlockReader['follower']['view']['registry'] | undefined {
    const { follower } = this.#reader ?? {}
    return follower === undefined || follower.ageMs() === Infinity ? undefined : follower.view.registry
  }

  /** Raises the alarm for what is thrown on the way, too. */
  async #watched<T>(bucket: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof Refused) await this.#alarm(bucket, error)
      throw error
    }
  }

  async #alarm(bucket: string, refused: Refused): Promise<void> {
    const { database, now, tell } = this.#options
    if (!isAlarm(refused) || database === undefined) return
    const code = refused.code as Alarm['code']
    const genesis = this.#pinned?.trust.genesis ?? this.#registry()?.genesis
    const origin = originOf(this.#set().ledger, bucket)
    const isOther = code === 'wrong-ledger' || genesis === undefined
    const key = isOther ? ledgerKey : memoryKey({ genesis }, origin)
    const said = refused.message.replace(`${origin}: `, '')
    await raise(database, { key, origin, code, said, raisedAt: now() })
    tell('alarms')
  }

  async #viewHead({ bucket, origin, remembered, ...check }: HeadCheck): Promise<HeadView> {
    const genesis = this.#registry()?.genesis
    const stored = genesis && (await this.#options.database?.get('heads', memoryKey({ genesis }, origin)))
    const about = {
      ...{ bucket, origin },
      ...(remembered !== undefined && { remembered }),
      ...(stored && { since: stored.since }),
    }
    return check.state === 'continued'
      ? { ...about, size: check.size }
      : { ...about, error: viewError(check.refused) }
  }

  /** Without a trust file, the ledger that this address has shown first is the one that it has to show. */
  async #checkGenesis({ follower }: BlockReader): Promise<void> {
    const { database } = this.#options
    if (this.#pinned !== undefined || database === undefined) return
    if (follower.ageMs() === Infinity) await follower.refresh().catch(() => undefined)
    const shown = this.#registry()?.genesis
    if (shown === undefined) return
    const transaction = database.transaction('settings', 'readwrite')
    const before = await transaction.store.get('genesis')
    if (before === undefined) await transaction.store.put(formatHex(shown), 'genesis')
    await transaction.done
    if (before === undefined || before === formatHex(shown)) return
    const said = `this address shows the ledger with the genesis ${formatHex(shown)}; before it was ${before}`
    await this.#alarm(keysBucket, new Refused('wrong-ledger', said))
  }

  #set(): Setting {
    if (this.#setting === undefined) throw new Error('the worker was asked before it was configured')
    return this.#setting
  }

  #stored(): Database {
    const { database } = this.#options
    if (database !== undefined) return database
    throw new Refused('read-only', 'this browser stores nothing for this page; is it a private window?')
  }
}
