// One service alone, by its configuration file: what runs in a pod.
import { readAuthConfig } from '@ledgerstone/auth/config'
import { startAuth } from '@ledgerstone/auth/start'
import { readLedgerConfig } from '@ledgerstone/ledger/config'
import { readSealerConfig } from '@ledgerstone/sealer/config'
import { startSealer } from '@ledgerstone/sealer/main'
import { startLedger } from '../ledger-service.ts'

export type ServiceName = 'ledger' | 'sealer' | 'auth'

/** Runs until SIGINT or SIGTERM, then drains and stops. */
export async function runService(
  service: ServiceName,
  { config }: { readonly config: string },
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const running = await startOne(service, config)
  await ended
  await running[Symbol.asyncDispose]()
}

function startOne(service: ServiceName, config: string): Promise<AsyncDisposable> {
  if (service === 'ledger') return startLedger(readLedgerConfig(config))
  if (service === 'sealer') return startSealer(readSealerConfig(config))
  return startAuth(readAuthConfig(config))
}
