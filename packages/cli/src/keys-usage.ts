// How the `keys` commands are used.
import { type Command, InvalidArgumentError, Option } from 'commander'

type Asking = (parent: Command, usage: string, description: string) => Command

/** `asking` adds the options of a command that talks to the services. */
export function addKeysCommands(program: Command, asking: Asking): void {
  const keys = program.command('keys').description('make keys, and change or show the key registry')
  addKeyFiles(keys)
  addReads(keys, asking)
  addChanges(keys, asking)
  keys
    .command('rotate-oauth')
    .description('make a new key sign access tokens; also while the OAuth service is running')
    .option('--config <file>', 'configuration of an OAuth service that runs alone, instead of a data folder')
    .action(async (_, command: Command) =>
      (await import('./commands/keys.ts')).rotateOauth(command.optsWithGlobals()),
    )
}

const kinds = ['Ed25519', 'P-256', 'RSA-2048', 'RSA-3072', 'RSA-4096', 'ML-DSA-65']

function addKeyFiles(keys: Command): void {
  keys
    .command('new <file>')
    .description('make a private key file (0600), and print its key id and public half')
    .addOption(new Option('--kind <kind>', 'kind of key').choices(kinds).default('Ed25519'))
    .option('--encrypt', 'under a passphrase')
    .action(async (file, _, command: Command) => {
      await (await import('./commands/keys.ts')).newKey(file, command.optsWithGlobals())
    })
  keys
    .command('show <file>')
    .description('print key id, kind and public half of a key file, private or public')
    .action(async (file, _, command: Command) => {
      await (await import('./commands/keys.ts')).showKey(file, command.optsWithGlobals())
    })
  keys
    .command('encrypt <file>')
    .description('put a private key file under a passphrase (PBES2, scrypt; OpenSSL reads it); or a new one')
    .action(async (file, _, command: Command) => {
      await (await import('./commands/keys.ts')).encryptKey(file, command.optsWithGlobals())
    })
}

function addReads(keys: Command, asking: Asking): void {
  asking(keys, 'list', 'list the keys of the registry, replayed here against the trust file')
    .option('--owner <owner>')
    .addOption(new Option('--purpose <purpose>').choices(['sign', 'receive']))
    .addOption(
      new Option('--state <state>').choices([
        ...['waiting', 'upcoming', 'active', 'expired', 'revoked', 'replaced'],
        'expiring',
      ]),
    )
    .action(async (_, command: Command) => {
      await (await import('./commands/keys-list.ts')).listKeys(command.optsWithGlobals())
    })
  asking(
    keys,
    'history <kid>',
    'show each block about a key: who asked, who approved, whether it counts',
  ).action(async (kid, _, command: Command) => {
    await (await import('./commands/keys-list.ts')).keyHistory(kid, command.optsWithGlobals())
  })
}

function addChanges(keys: Command, asking: Asking): void {
  const validity = [
    new Option('--not-before <time>', 'a day, or a time in UTC').argParser(timeOption),
    new Option('--not-after <time>', 'a day, or a time in UTC').argParser(timeOption),
  ]
  const registrar = '--key <file>'
  const whose = "registrar's private key (default: the one in the data folder)"

  const register = asking(keys, 'register <file>', 'register the key of a private key file')
    .requiredOption('--owner <owner>', 'whose key it is')
    .addOption(new Option('--purpose <purpose>').choices(['sign', 'receive']).makeOptionMandatory())
    .addOption(new Option('--role <role...>', 'what it may do beside').choices(['registrar', 'erase']))
    .option(registrar, whose)
    .action(async (file, _, command: Command) => {
      await (await import('./commands/keys-change.ts')).register(file, command.optsWithGlobals())
    })
  const rotate = asking(
    keys,
    'rotate <old> [new]',
    'put a new key in the place of one, and its file in place of the old',
  )
    .addOption(
      new Option('--kind <kind>', 'kind of the new key (default: that of the old one)').choices(kinds),
    )
    .option(registrar, whose)
    .action(async (old, file, _, command: Command) => {
      await (await import('./commands/keys-rotate.ts')).rotate(old, file, command.optsWithGlobals())
    })
  for (const option of validity) {
    register.addOption(option)
    rotate.addOption(option)
  }
  asking(keys, 'revoke <key>', 'end a key: a kid by a registrar, a private key file by that key alone')
    .addHelpText(
      'after',
      '\nA key that is replaced or revoked already is marked by registrars: --suspect-from TIME.',
    )
    .requiredOption('--reason <text>', 'why; everyone can read it')
    .addOption(
      new Option('--suspect-from <time>', 'its blocks from then on are shown as suspect').argParser(
        timeOption,
      ),
    )
    .option(registrar, whose)
    .action(async (key, _, command: Command) => {
      await (await import('./commands/keys-change.ts')).revoke(key, command.optsWithGlobals())
    })
  asking(keys, 'approve <request>', 'approve what another registrar asked for; the request is a block hash')
    .option(registrar, whose)
    .action(async (request, _, command: Command) => {
      await (await import('./commands/keys-change.ts')).approve(request, command.optsWithGlobals())
    })
}

/** Milliseconds since 1970 of `2026-11-23`, `2026-11-23T03:17Z`, `2026-11-23T03:17:00.000Z`. */
function timeOption(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z)?$/.test(text)
    ? Date.parse(text)
    : NaN
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be a day, or a time in UTC.')
  return time
}
