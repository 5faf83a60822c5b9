import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { checkKeyFile } from '@ledgerstone/border/key-file'
import type { Adapter, AdapterPayload } from 'oidc-provider'

const cleanupMs = 60_000

/**
 * What oidc-provider remembers (sessions, grants, refresh tokens, used proofs and assertions), so that a
 * restart signs nobody out. Access tokens are not among it: they are signed, not stored.
 *
 * One SQLite file, 0600, opened by this process alone: its rows are as good as the tokens that they stand
 * for.
 */
export class Storage {
  readonly #db: DatabaseSync
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout

  /** Throws `bad-key-file` when others may read the file. */
  constructor(path: string, now: () => number = Date.now) {
    if (existsSync(path)) checkKeyFile(path)
    else closeSync(openSync(path, 'wx', 0o600)) // SQLite gives its side files the mode of this one
    this.#now = now
    this.#db = new DatabaseSync(path)
    this.#db.exec(schema)
    this.deleteExpired()
    this.#timer = setInterval(() => this.deleteExpired(), cleanupMs).unref()
  }

  /** Rows that have run out are never returned; this frees their place. */
  deleteExpired(): void {
    this.#db.prepare('DELETE FROM items WHERE expires <= ?').run(this.#now())
  }

  /** Throws when the file cannot be read now. */
  check(): void {
    this.#db.prepare('SELECT 1 FROM items LIMIT 1').get()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#db.close()
  }

  /** The adapter of one of oidc-provider's models, by its contract (its example/my_adapter.js). */
  adapterOf(model: string): Adapter {
    const db = this.#db
    const now = this.#now
    const put = db.prepare(
      'INSERT INTO items (model, id, payload, uid, grant_id, expires) VALUES (?, ?, ?, ?, ?, ?)' +
        ' ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, uid = excluded.uid,' +
        ' grant_id = excluded.grant_id, expires = excluded.expires',
    )
    const get = db.prepare('SELECT payload, consumed FROM items WHERE model = ? AND id = ? AND expires > ?')
    const getByUid = db.prepare(
      'SELECT payload, consumed FROM items WHERE model = ? AND uid = ? AND expires > ?',
    )
    const consume = db.prepare('UPDATE items SET consumed = ? WHERE model = ? AND id = ?')
    const remove = db.prepare('DELETE FROM items WHERE model = ? AND id = ?')
    const removeByGrant = db.prepare('DELETE FROM items WHERE grant_id = ?')
    return {
      async upsert(id, payload, expiresIn) {
        const expires = expiresIn === undefined ? never : now() + expiresIn * 1000
        const grant = payload.grantId ?? null
        put.run(model, id, JSON.stringify(payload), payload.uid ?? null, grant, expires)
      },
      find: async (id) => read(get.get(model, id, now())),
      findByUid: async (uid) => read(getByUid.get(model, uid, now())),
      findByUserCode: async () => undefined, // of the device flow, which is off
      async consume(id) {
        consume.run(Math.floor(now() / 1000), model, id)
      },
      async destroy(id) {
        remove.run(model, id)
      },
      async revokeByGrantId(grantId) {
        removeByGrant.run(grantId)
      },
    }
  }
}

const never = Number.MAX_SAFE_INTEGER

// NORMAL: a power cut may undo the last sign-ins, never damage the file. secure_delete: a token that was
// revoked is not found in the file's free pages.
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA secure_delete = ON;
  CREATE TABLE IF NOT EXISTS items (
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    uid TEXT,
    grant_id TEXT,
    consumed INTEGER,
    expires INTEGER NOT NULL,
    PRIMARY KEY (model, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS items_by_uid ON items (model, uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS items_by_grant ON items (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires);
`

function read(row: Record<string, unknown> | undefined): AdapterPayload | undefined {
  if (row === undefined) return undefined
  const payload = JSON.parse(row['payload'] as string) as AdapterPayload
  return row['consumed'] === null ? payload : { ...payload, consumed: row['consumed'] }
}
