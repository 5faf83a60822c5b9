// The build: hashed files that can be cached for ever, each also compressed, no inline scripts or data:
// addresses (the page's content security policy admits neither), and modules in workers.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin, UserConfig } from 'vite'

const config: UserConfig = {
  plugins: [react(), compress()],
  build: {
    target: 'es2024',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // In one file, so that a page that was loaded verifies without a network.
  worker: { format: 'es', rolldownOptions: { output: { codeSplitting: false } } },
}

export default config

/** Writes `x.br` and `x.gz` beside each file, so that serving compresses nothing. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    writeBundle({ dir = '' }, bundle) {
      for (const name of Object.keys(bundle)) {
        if (name.endsWith('.woff2')) continue // compressed already
        const bytes = readFileSync(join(dir, name))
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(bytes))
        writeFileSync(join(dir, `${name}.gz`), gzipSync(bytes, { level: 9 }))
      }
    },
  }
}
