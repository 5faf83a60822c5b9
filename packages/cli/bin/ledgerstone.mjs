#!/usr/bin/env node
// Plain JavaScript, for what strips types takes time and memory in every thread that needs it. All else is
// stripped and compiled once and kept beside the code: whoever could write there could change the code, too.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../../node_modules/.cache/ledgerstone', import.meta.url))
enableCompileCache(cache)
process.env['NODE_COMPILE_CACHE'] = cache // for the threads
await import('../src/main.ts')
