// An exchange whose ledger is away when the keys are to be registered: the sealer runs by itself.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { listening } from '../../packages/exchange/test/listening.ts'
import { handOver, untilState } from './exchange-sides.ts'
import { type Commands, commandsOf } from './ledger-process.ts'
import { Program } from './program.ts'
import { SeparateServices } from './separate-services.ts'

const services = await SeparateServices.open()
const laptop = join(services.path, 'laptop')
const from = 27_000 + (process.pid % 500) * 8
let config: string
/** The operator's commands, at the sealer. */
const atSealer: Commands = Object.assign(commandsOf(services.data), {
  json: <T>(...args: readonly string[]) =>
    services.command.json<T>(...args, '--server', services.urlOf('sealer')),
})

before(async () => {
  await services.command.text('init', '--port', `${services.ports.auth}`)
  const { exchange } = JSON.parse(readFileSync(services.configOf('sealer'), 'utf8')) as { exchange: object }
  config = services.configOf('sealer', 'exchanging', {
    exchange: { ...exchange, ports: { from, to: from + 3 } },
  })
  for (const service of ['auth', 'ledger'] as const) services.start(service)
  services.start('sealer', config)
  for (const service of ['auth', 'ledger', 'sealer'] as const) await services.ready(service)
  handOver(services.data, laptop)
})
after(() => services[Symbol.asyncDispose]())

/** Up to the question whether the strings are the same: then the keys are proven, and not registered. */
async function untilAsked(): Promise<{ readonly program: Program; readonly confirm: readonly string[] }> {
  const urls = ['--server', services.urlOf('sealer'), '--ledger', services.urlOf('ledger')]
  const program = Program.ask(['--data', laptop, 'exchange', ...urls, '--owner', 'auditor'])
  await program.complains('[yes/no]')
  const [, id = '', string = ''] = /exchange confirm ([0-9a-f-]{36}) (\S+)/.exec(program.stderr) ?? []
  return { program, confirm: ['exchange', 'confirm', id, string, '--server', services.urlOf('sealer')] }
}

describe('the ledger is away at the registration', () => {
  test('and comes back: the keys are registered then', async () => {
    const { program, confirm } = await untilAsked()
    await using _ = program
    await services.kill('ledger')
    // Answered when it is registered, or at last refused: meanwhile somebody may look.
    await using confirming = Program.spawn(['--data', services.data, ...confirm])
    await untilState(atSealer, 'confirmed')
    program.answer('yes\n')
    services.start('ledger')
    assert.equal(await confirming.ended(), 0, confirming.stderr)
    assert.equal(await program.ended(), 0, program.stderr)
    assert.match(program.stdout, /auditor \(receive\), block 1[01] of keys/)
  })

  test('and the sealer is killed meanwhile: registered when both are back', async () => {
    const { program, confirm } = await untilAsked()
    await using _ = program
    await services.kill('ledger')
    await using confirming = Program.spawn(['--data', services.data, ...confirm])
    await untilState(atSealer, 'confirmed')
    await services.kill('sealer')
    assert.notEqual(await confirming.ended(), 0)
    services.start('sealer', config)
    services.start('ledger')
    await services.ready('sealer')
    const { blocks } = await untilState(atSealer, 'registered')
    assert.equal(Array.isArray(blocks) ? blocks.length : 0, 2)
    assert.deepEqual(
      listening(services.running.sealer?.pid ?? 0).filter((port) => port >= from && port <= from + 3),
      [],
    )
  })
})
