// The command line of key exchanges and of their certificates.
import { type Command, InvalidArgumentError, Option } from 'commander'

/** `asking` makes a command that talks to the services. */
type Asking = (parent: Command, usage: string, description: string) => Command

export function addExchangeCommands(program: Command, asking: Asking): void {
  const exchange = asking(
    program,
    'exchange',
    "exchange keys with the sealer: each side gets the other's, verified; nothing listens afterwards",
  )
  addClient(exchange)
    .option('--owner <name>', 'whose keys they are (default: your name on this computer)')
    .option('--key <file...>', 'private keys to bring (default: makes one to receive and one to sign)')
    .option('--replaces <file...>', 'make new keys in the place of these, which sign for that')
    .option('--encrypt', 'put new keys under a passphrase')
    .option('--join <exchange>', 'run an exchange that somebody has scheduled, on the page or elsewhere')
    .option('--at <time>', 'when the port opens: 2026-11-23T03:17:00Z, or +10m (default: now)', time)
    .option('--port <port>', 'which port (default: a random one of the configured range)', port)
    .option('--yes', 'compare no string: recorded as assurance "token"')
    .option('--two-person', 'a person other than you has to confirm')
    .option('--ledger <url>', 'where the ledger is, when it is not where the sealer is')
    .option('--ca [dir]', "show a certificate of the CA in this folder (default: the data folder's)")
    .option('--certificate <file>', 'show this certificate (default: a self-signed one for this exchange)')
    .option('--certificate-key <file>', 'its private key')
    .addOption(
      new Option('--via <way>', 'how the port is reached')
        .choices(['direct', 'ssh', 'openshift-route', 'port-forward'])
        .default('direct'),
    )
    .option('--host <name>', "direct: the server's address (default: that of --server)")
    .option('--ssh <destination>', 'ssh: user@host, by the OpenSSH client of this computer')
    .option('--ssh-port <port>', 'ssh: port of the SSH server', port)
    .option('--ssh-identity <file>', 'ssh: private key for the SSH server')
    .option('--ssh-known-hosts <file>', 'ssh: known hosts')
    .option('--ssh-remote-host <name>', 'ssh: the sealer, as the SSH server sees it (default: 127.0.0.1)')
  addCluster(exchange)
    .option('--pod <name>', 'in a cluster: the pod that listens (default: the one that the server names)')
    .option('--route-host <name>', 'openshift-route: host name of the route (default: the router makes one)')
    .option('--router-host <name>', 'openshift-route: address of the router (default: the host name)')
    .option('--router-port <port>', 'openshift-route: port of the router (default: 443)', port)
    .action(async (_, command: Command) => {
      await (await import('./commands/exchange.ts')).exchange(command.optsWithGlobals())
    })

  addClient(asking(exchange, 'list', 'the newest exchanges')).action(async (_, command: Command) => {
    await (await import('./commands/exchanges.ts')).listExchanges(command.optsWithGlobals())
  })
  addClient(asking(exchange, 'show <exchange>', 'one exchange')).action(async (id, _, command: Command) => {
    await (await import('./commands/exchanges.ts')).showExchange(id, command.optsWithGlobals())
  })
  addClient(
    asking(exchange, 'confirm <exchange> <string>', "type in the string that the other side's person reads"),
  ).action(async (id, string, _, command: Command) => {
    await (await import('./commands/exchanges.ts')).confirmExchange(id, string, command.optsWithGlobals())
  })
  addClient(asking(exchange, 'cancel <exchange>', 'cancel an exchange')).action(
    async (id, _, command: Command) => {
      await (await import('./commands/exchanges.ts')).cancelExchange(id, command.optsWithGlobals())
    },
  )
  const cleanup = exchange
    .command('cleanup')
    .description('remove what crashed clients have left in a cluster: routes, services, marks of pods')
  addCluster(cleanup)
    .option('--all', 'also of exchanges that may be under way')
    .action(async (_, command: Command) => {
      await (await import('./commands/exchanges.ts')).cleanUpExchanges(command.optsWithGlobals())
    })
  addCa(program)
}

function addCa(program: Command): void {
  const ca = program.command('ca').description('certificates for key exchanges, out of one hand')
  const named = (usage: string, description: string): Command =>
    ca
      .command(usage)
      .description(description)
      .option('--ca <dir>', "folder of the CA (default: the data folder's)")
  named('init', 'make a CA')
    .option('--name <name>', 'its name', 'Ledgerstone CA')
    .option('--days <days>', 'how long it is valid', days, 3650)
    .action(async (_, command: Command) => {
      await (await import('./commands/ca.ts')).initCa(command.optsWithGlobals())
    })
  named('issue <name>', 'make a key and a certificate for one side of exchanges')
    .option('--days <days>', 'how long it is valid', days, 365)
    .action(async (name, _, command: Command) => {
      await (await import('./commands/ca.ts')).issue(name, command.optsWithGlobals())
    })
  named('show [file]', 'show a certificate (default: that of the CA)').action(
    async (file, _, command: Command) => {
      ;(await import('./commands/ca.ts')).showCertificate(file, command.optsWithGlobals())
    },
  )
}

function addClient(command: Command): Command {
  return command.option('--client <file>', 'OAuth client: a file {"issuer","client_id","client_secret"}')
}

function addCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'in a cluster: configuration of kubectl (default: as kubectl finds it)')
    .option('--context <name>', 'in a cluster: another context than the current one')
    .option('--namespace <name>', 'in a cluster: where the sealer is (default: that of the context)')
}

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError('It must be a port, from 1 to 65535.')
  return value
}

function days(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 36_500)
    throw new InvalidArgumentError('It must be a number of days, from 1 to 36500.')
  return value
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds since 1970. */
function time(text: string): number {
  const [, count, unit = ''] = /^\+(\d{1,6})([smh])$/.exec(text) ?? []
  if (count !== undefined) return Date.now() + Number(count) * (unitMs[unit] ?? 0)
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)
  const value = isTime ? Date.parse(text) : Number.NaN
  if (Number.isNaN(value)) throw new InvalidArgumentError('It must be a time with its zone, or such as +10m.')
  return value
}
