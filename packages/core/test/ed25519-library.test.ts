import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const verifiers = new URL('../src/primitives/node-ed25519.ts', import.meta.url).href

/** Loaded before the program: the addon is not there. */
const withoutAddon = `import { registerHooks } from 'node:module'
registerHooks({
  resolve(name, context, next) {
    if (name === 'sodium-native') throw new Error('no addon for this platform')
    return next(name, context)
  },
})`

const program = `import { generateKeyPairSync, sign } from 'node:crypto'
import { ed25519Verifier, libsodiumVerifier } from ${JSON.stringify(verifiers)}
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const message = new TextEncoder().encode('a payment of 12.50')
const signature = sign(null, message, privateKey)
const verify = ed25519Verifier(publicKey)
const signatures = [signature, new Uint8Array(64), signature.subarray(1)]
const isGood = signatures.map((one) => verify(message, one))
console.log(JSON.stringify({ hasLibsodium: libsodiumVerifier(publicKey) !== undefined, isGood }))`

for (const hasLibsodium of [true, false]) {
  const how = hasLibsodium ? 'by libsodium' : 'also where libsodium does not load'
  test(`Ed25519 is verified ${how}`, async () => {
    const before = hasLibsodium
      ? []
      : ['--import', `data:text/javascript,${encodeURIComponent(withoutAddon)}`]
    const { stdout } = await run(process.execPath, [...before, '--input-type=module', '-e', program])
    assert.deepEqual(JSON.parse(stdout), { hasLibsodium, isGood: [true, false, false] })
  })
}
