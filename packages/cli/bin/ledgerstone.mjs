#!/usr/bin/env node
// Plain JavaScript, for what strips types takes time and memory in every thread that needs it. All else is
// stripped and compiled once and kept beside the code: whoever could write there could change the code, too.
// An older Node must get as far as to be told of: it knows no `enableCompileCache` that could be imported.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const majorMin = 26

if (Number(process.versions.node.split('.')[0]) < majorMin) {
  process.stderr.write(
    `ledgerstone needs Node ${majorMin} or later, and this is ${process.version}: in its folder, ` +
      '`npx ledgerstone` and `npm start` run it under the one that was installed with it\n',
  )
  process.exit(1)
}

const cache = fileURLToPath(new URL('../../../node_modules/.cache/ledgerstone', import.meta.url))
module.enableCompileCache(cache)
process.env['NODE_COMPILE_CACHE'] = cache // for the threads
await import('../src/main.ts')
