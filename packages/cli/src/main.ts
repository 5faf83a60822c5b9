// The `ledgerstone` command. Each command's code is loaded when it is called.
import { Command, InvalidArgumentError, Option } from 'commander'
import { addExchangeCommands } from './exchange-usage.ts'
import { addKeysCommands } from './keys-usage.ts'
import { exitCodes, explain } from './output.ts'
import { takeSecrets } from './secret-environment.ts'

takeSecrets()

// Whoever reads along may have enough (`| head`): not done, for not all was told, but nothing to explain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCodes.failed)
})

const program = new Command('ledgerstone')
  .description('An internal blockchain for companies: sealed, signed, append-only business records.')
  .version('0.1.0')
  .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
  .option('--data <dir>', 'data folder', process.env['LEDGERSTONE_DATA'] ?? 'data')
  .option('--json', 'print the result as JSON')
  .option(
    '--passphrase-file <file>',
    'its first line is the passphrase of encrypted keys (default: ask; or $LEDGERSTONE_PASSPHRASE)',
  )
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 refused or not verified, 4 cannot be reached,' +
      '\n130 interrupted.',
  )
  .exitOverride()

const remote = [
  new Option('--server <url>', 'where the services are (default: where this data folder was started)'),
  new Option(
    '--token <token>',
    'access token (default: one from the embedded OAuth service; or $LEDGERSTONE_TOKEN)',
  ),
  new Option('--trust <file>', 'pinned trust file (default: the one in the data folder)'),
]

/** A command that talks to the services. */
function asking(parent: Command, usage: string, description: string): Command {
  const command = parent.command(usage).description(description)
  for (const option of remote) command.addOption(option)
  return command
}

program
  .command('init')
  .description('make a data folder: a new ledger with its keys and its trust file')
  .option('--name <name>', 'ledger name, such as ledger.example.com/log (default: local-<random>/log)')
  .option('--port <port>', 'where its services will be', port, 8400)
  .option('--bucket <name...>', 'buckets beside the usual five')
  .option('--registrar <owner...>', 'more people who may change keys: their key files are made here')
  .option('--threshold <count>', 'how many registrars must approve each change of keys', index, 1)
  .action(async (_, command: Command) => (await import('./commands/init.ts')).init(command.optsWithGlobals()))

program
  .command('start')
  .description('run all services in one process on this computer; the first start makes the data folder')
  .option('--port <port>', 'port to listen on', port, 8400)
  .option('--host <address>', 'loopback address to listen on', '127.0.0.1')
  .option('--name <name>', 'name of a new ledger')
  .addOption(
    new Option('--exchange-ports <from-to>', 'ports for key exchanges')
      .argParser(portRange)
      .default({ from: 20_000, to: 20_099 }, '20000-20099'),
  )
  .option('--no-sample', 'leave a new ledger without the sample invoices')
  .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']).default('warn'))
  .action(async (_, command: Command) =>
    (await import('./commands/start.ts')).start(command.optsWithGlobals()),
  )

program
  .command('bucket')
  .description('add buckets to the ledger of a data folder')
  .command('add <name>')
  .description('add a bucket, its keys and its genesis; the ledger must not be running')
  .action(async (name, _, command: Command) => {
    await (await import('./commands/bucket.ts')).addBucket(name, command.optsWithGlobals())
  })

addKeysCommands(program, asking)

program
  .command('token')
  .description("print an access token: of this data folder's client, or of a person who signs in")
  .requiredOption('--scope <scopes>', 'blank-separated, such as "read:* append:payments"')
  .option('--audience <service>', 'ledger or sealer (default: both)')
  .option('--sign-in', 'a person signs in in the browser, and the token is that person’s')
  .option('--issuer <url>', 'where to sign in (default: the OAuth service of this data folder)')
  .option('--client-id <id>', 'public client to sign in by (default: command-line)')
  .option('--no-open', 'print where to sign in, and open nothing')
  .action(async (_, command: Command) =>
    (await import('./commands/token.ts')).token(command.optsWithGlobals()),
  )

asking(
  program,
  'push <bucket> [file]',
  'have a record sealed and appended; reads standard input without a file',
)
  .requiredOption('--type <type>', 'record type, such as payment.captured')
  .option('--id <uuid>', 'makes it safe to push again')
  .option('--media <type>', 'media type of the record', 'application/json')
  .option('--meta <name=value...>', 'clear labels')
  .action(async (bucket, file, _, command: Command) => {
    await (await import('./commands/push.ts')).pushRecord(bucket, file, command.optsWithGlobals())
  })

asking(program, 'get <bucket> <block>', 'show a block, by index or hash')
  .option('--entry', 'write its exact bytes')
  .option('--envelope', "write its envelope's exact bytes")
  .action(async (bucket, block, _, command: Command) => {
    await (await import('./commands/get.ts')).get(bucket, block, command.optsWithGlobals())
  })

asking(program, 'list <bucket>', 'list blocks, newest first')
  .option('--from <index>', 'begin here, oldest first', index)
  .option('--limit <count>', 'how many, at most 100', limit, 20)
  .option('--type <type>')
  .option('--sender <kid>')
  .option('--receiver <kid>')
  .option('--after <time>', 'a day, or a time in UTC')
  .option('--before <time>', 'a day, or a time in UTC')
  .option('--meta <name=value...>', 'clear labels')
  .action(async (bucket, _, command: Command) => {
    await (await import('./commands/list.ts')).list(bucket, command.optsWithGlobals())
  })

asking(program, 'open <bucket> <block>', "verify a block and open its record with a receiver's key")
  .option('--key <file>', "receiver's private key (default: the sample receiver's in the data folder)")
  .option('--out <file>', 'write the record there, and nothing else')
  .action(async (bucket, block, _, command: Command) => {
    await (await import('./commands/open.ts')).open(bucket, block, command.optsWithGlobals())
  })

asking(
  program,
  'verify [bucket...]',
  'verify whole buckets on this computer, against the trust file (default: all)',
)
  .option('--statements', "check every sender's signature too")
  .option('--envelopes', 'check every envelope too (and every signature)')
  .action(async (buckets, _, command: Command) => {
    await (await import('./commands/verify.ts')).verify(buckets, command.optsWithGlobals())
  })

asking(program, 'receipt <bucket> <block>', 'verify a block and write its receipt (C2SP tlog-proof)')
  .option('--out <file>', 'write it there')
  .action(async (bucket, block, _, command: Command) => {
    await (await import('./commands/receipt.ts')).receipt(bucket, block, command.optsWithGlobals())
  })

asking(program, 'evidence <bucket> <block>', 'verify a block and write one file that proves it offline')
  .option('--out <file>', 'write it there')
  .action(async (bucket, block, _, command: Command) => {
    await (await import('./commands/evidence.ts')).evidence(bucket, block, command.optsWithGlobals())
  })

program
  .command('verify-evidence <file>')
  .description('verify an evidence file offline, against the trust file')
  .option('--trust <file>', 'pinned trust file (default: the one in the data folder)')
  .option('--unpinned', 'without a trust file: only whether it is consistent in itself')
  .option('--key <file>', "open the record with a receiver's private key")
  .action(async (file, _, command: Command) => {
    await (await import('./commands/evidence.ts')).verifyFile(file, command.optsWithGlobals())
  })

program
  .command('audit [bucket...]')
  .description('re-read everything that is stored in a data folder: files, indexes, documents, signatures')
  .option('--trust <file>', 'pinned trust file (default: the one in the data folder)')
  .option('--config <file>', 'configuration of a ledger that runs alone, instead of a data folder')
  .action(async (buckets, _, command: Command) => {
    await (await import('./commands/audit.ts')).audit(buckets, command.optsWithGlobals())
  })

const imports = program.command('import').description('import existing data; a second run adds nothing twice')
asking(imports, 'csv <file>', 'invoices (plain or gzip): see examples/README.md')
  .option('--limit <lines>', 'only the first lines', index)
  .action(async (file, _, command: Command) => {
    await (await import('./commands/import.ts')).importInvoices(file, command.optsWithGlobals())
  })
asking(imports, 'chain <file>', "a chain in the article's payload shape, each original block kept verbatim")
  .option('--bucket <name>', 'where it goes', 'payments')
  .option('--type <type>', 'record type of the imported blocks', 'article.block')
  .action(async (file, _, command: Command) => {
    await (await import('./commands/import.ts')).importChain(file, command.optsWithGlobals())
  })

addExchangeCommands(program, asking)

program
  .command('desk')
  .description('the explorer in a window of this computer, with the pinned trust file and the keys kept here')
  .option('--server <url>', 'where the ledger is (default: where this data folder was started)')
  .option('--sealer <url>', 'where the sealer is, when it is elsewhere')
  .option('--issuer <url>', 'where to sign in (default: what the server says)')
  .option('--trust <file>', 'pinned trust file (default: the one in the data folder)')
  .option('--port <port>', 'loopback port; the browser keeps what it remembers under it', port, 8410)
  .option('--no-open', 'print the address instead of opening a window')
  .action(async (_, command: Command) => (await import('./commands/desk.ts')).desk(command.optsWithGlobals()))

for (const service of ['ledger', 'sealer', 'auth'] as const) {
  program
    .command(service)
    .description(`run the ${service} service alone`)
    .requiredOption('--config <file>', 'JSON configuration: see docs/OPERATIONS.md')
    .action(async (_, command: Command) => {
      await (await import('./commands/service.ts')).runService(service, command.optsWithGlobals())
    })
}

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError('It must be a port, from 1 to 65535.')
  return value
}

function portRange(text: string): { from: number; to: number } {
  const [, from = '', to = ''] = /^(\d+)-(\d+)$/.exec(text) ?? []
  if (from === '' || Number(from) > Number(to))
    throw new InvalidArgumentError('It must be a range of ports, such as 20000-20099.')
  return { from: port(from), to: port(to) }
}

function limit(text: string): number {
  const value = index(text)
  if (value < 1 || value > 100) throw new InvalidArgumentError('It must be a number from 1 to 100.')
  return value
}

function index(text: string): number {
  const value = Number(text)
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

async function hint(unreachable: string): Promise<string> {
  return (await import('./start-hint.ts')).startHint(unreachable, String(program.opts()['data']))
}

try {
  await program.parseAsync()
} catch (error) {
  if (
    error instanceof Error &&
    'exitCode' in error &&
    'code' in error &&
    String(error.code).startsWith('commander.')
  ) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } else {
    const { exitCode, code, text: words } = explain(error)
    const text = exitCode === exitCodes.unreachable ? `${words}${await hint(words)}` : words
    if (program.opts()['json'] === true) process.stdout.write(`${JSON.stringify({ error: text, code })}\n`)
    process.stderr.write(`${text}\n`)
    process.exitCode = exitCode
  }
}
