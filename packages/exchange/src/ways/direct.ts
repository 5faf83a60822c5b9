import type { Way } from '../way.ts'

/** The port can be reached at the server's own address. */
export function directWay(host: string): Way {
  return {
    name: 'direct',
    open: async ({ port }) => ({ host, port, account: [], close: async () => undefined }),
  }
}
