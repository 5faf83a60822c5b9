// `ledgerstone desk`: the explorer on this computer, with the pinned trust file and the person's own keys.
import { once } from 'node:events'
import { join } from 'node:path'
import { createLogger } from '@ledgerstone/border/logger'
import { checkServiceUrl, readBody } from '@ledgerstone/client/http'
import { Unreachable } from '@ledgerstone/client/problem'
import { textOf } from '@ledgerstone/core/bytes'
import { describePolicy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import type { Trust } from '@ledgerstone/core/trust'
import { type Configuration, parseConfiguration } from '@ledgerstone/explorer/configuration'
import { readTrust, serverOf } from '../connect.ts'
import { dataFolder, makeSecretFolder } from '../data-folder.ts'
import { type Desk, startDesk } from '../desk/desk.ts'
import { openWindow, type Window } from '../desk/window.ts'

export type DeskCommand = {
  readonly data: string
  readonly server?: string
  readonly sealer?: string
  readonly issuer?: string
  readonly trust?: string
  readonly port: number
  readonly open: boolean
}

const configurationBytesMax = 65_536

/** Runs until SIGINT or SIGTERM, or until its window is closed. */
export async function desk(options: DeskCommand): Promise<void> {
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
  const folder = dataFolder(options.data)
  const trust = readTrust(options)
  const ledger = checkServiceUrl(options.server ?? serverOf(folder))
  const sealer = checkServiceUrl(options.sealer ?? ledger)
  const configuration = await readConfiguration(ledger, trust, options)
  makeSecretFolder(folder.root)
  const upstream = { ledger, sealer, fetch: (...asked: Parameters<typeof fetch>) => fetch(...asked) }
  const logger = createLogger({ name: 'desk', level: 'warn' })
  const { port } = options
  const started = await startDesk({ folder, trust, configuration, upstream, port, logger, now: Date.now })
  try {
    const window = options.open ? await openWindow(started.entrance, join(folder.root, 'desk')) : undefined
    process.stdout.write(welcome(started, window, ledger, trust))
    void started.entered.then(() => window?.forget())
    await Promise.race([stopped.signal.aborted || once(stopped.signal, 'abort'), window?.closed ?? never])
    window?.forget()
  } finally {
    await started[Symbol.asyncDispose]()
  }
  process.stdout.write('stopped\n')
}

const never = new Promise<void>(() => undefined)

/** Where to sign in comes from the server, unless it is named. Throws `wrong-ledger`, `bad-config`. */
async function readConfiguration(
  server: string,
  trust: Trust,
  { issuer }: DeskCommand,
): Promise<Configuration> {
  const url = `${server.replace(/\/+$/, '')}/explorer/configuration.json`
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(10_000) }).catch(
    (cause: unknown) => {
      throw new Unreachable(`${url}: nothing answers`, { cause })
    },
  )
  if (!answer.ok) throw new Refused('bad-config', `${url} answers ${answer.status}: is it a ledger?`)
  const text = textOf(await readBody(answer, configurationBytesMax), 'the configuration')
  const configuration = configurationIn(text, url)
  if (configuration.ledger !== trust.ledger) {
    throw new Refused(
      'wrong-ledger',
      `${server} is ${configuration.ledger}, the trust file is of ${trust.ledger}`,
    )
  }
  checkServiceUrl(issuer ?? configuration.issuer)
  return issuer === undefined ? configuration : { ...configuration, issuer }
}

function configurationIn(text: string, url: string): Configuration {
  try {
    return parseConfiguration(JSON.parse(text))
  } catch (cause) {
    throw new Refused('bad-config', `${url} is no configuration of the explorer`, { cause })
  }
}

function welcome(started: Desk, window: Window | undefined, server: string, trust: Trust): string {
  const opened =
    window === undefined
      ? `open this address, which works once:\n\n  ${started.entrance}\n`
      : `opened in ${window.shown}`
  return `
Ledgerstone desk at ${started.url}

  ledger    ${trust.ledger}, pinned by the trust file
  policy    ${describePolicy(trust.policy)}
  server    ${server}

${opened}

Ctrl-C stops it.
`
}
