// What this browser keeps, under the address of the page: heads, alarms, the trust file, keys.
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'

export type StoredHead = {
  readonly size: number
  readonly checkpoint: string
  /** When the log was first seen; milliseconds since 1970. */
  readonly since: number
}

/** A history that did not continue what is remembered. Kept until a person has dealt with it. */
export type Alarm = {
  /** Of the head in memory; `ledger` when the whole ledger is another one. */
  readonly key: string
  /** The log, or the address. */
  readonly origin: string
  readonly code: 'rolled-back' | 'forked' | 'wrong-ledger'
  readonly said: string
  /** Milliseconds since 1970. */
  readonly raisedAt: number
  /** The checkpoint that is remembered: with the log's signature on it, it is the proof. */
  readonly remembered?: string
  readonly dismissedAt?: number
}

/** A receiver's key that the browser uses for us and gives to nobody, the page included. */
export type StoredKey = {
  readonly kid: string
  readonly name: string
  readonly key: CryptoKey
  readonly at: number
}

type Schema = DBSchema & {
  heads: { key: string; value: StoredHead }
  alarms: { key: string; value: Alarm }
  settings: { key: string; value: string }
  keys: { key: string; value: StoredKey }
}

export type Database = IDBPDatabase<Schema>

/** Throws when the browser stores nothing for this page, as in some private windows. */
export function openDatabase(): Promise<Database> {
  return openDB<Schema>('ledgerstone', 1, {
    upgrade(database) {
      database.createObjectStore('heads')
      database.createObjectStore('alarms', { keyPath: 'key' })
      database.createObjectStore('settings')
      database.createObjectStore('keys', { keyPath: 'kid' })
    },
    // A newer page of ours, in another tab, waits for this one to let go.
    blocking: (_, __, event) => (event.target as IDBDatabase).close(),
  })
}
