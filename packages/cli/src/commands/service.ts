// One service alone, by its configuration file: what runs in a pod. Only its own code is loaded.

export type ServiceName = 'ledger' | 'sealer' | 'auth'

/** Runs until SIGINT or SIGTERM, then drains and stops. */
export async function runService(
  service: ServiceName,
  { config }: { readonly config: string },
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const running = await starters[service](config)
  await ended
  await running[Symbol.asyncDispose]()
}

const starters: Readonly<Record<ServiceName, (config: string) => Promise<AsyncDisposable>>> = {
  async ledger(path) {
    const { readLedgerConfig } = await import('@ledgerstone/ledger/config')
    const config = readLedgerConfig(path)
    return (await import('../ledger-service.ts')).startLedger(config)
  },
  async sealer(path) {
    const { readSealerConfig } = await import('@ledgerstone/sealer/config')
    const config = readSealerConfig(path)
    return (await import('@ledgerstone/sealer/main')).startSealer(config)
  },
  async auth(path) {
    const { readAuthConfig } = await import('@ledgerstone/auth/config')
    const config = readAuthConfig(path)
    return (await import('@ledgerstone/auth/start')).startAuth(config)
  },
}
