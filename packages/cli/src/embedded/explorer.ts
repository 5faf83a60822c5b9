// The web page over one data folder, for the person at this computer.
import { existsSync } from 'node:fs'
import { authFilesIn, ledgerAudience, sealerAudience } from '@ledgerstone/auth/config'
import { moveExplorer } from '@ledgerstone/auth/init'
import type { Logger } from '@ledgerstone/border/logger'
import type { Trust } from '@ledgerstone/core/trust'
import type { ExplorerOptions } from '@ledgerstone/ledger/explorer'
import type { DataFolder } from '../data-folder.ts'
import { explorerFolder } from '../explorer-folder.ts'

export type EmbeddedExplorerOptions = {
  readonly folder: DataFolder
  readonly trust: Trust
  /** Where everything is served. */
  readonly url: string
  readonly logger: Logger
}

/** Its build, unless it was never built; its OAuth client is told where it is now. */
export function embeddedExplorer({ folder, trust, url, logger }: EmbeddedExplorerOptions): {
  readonly explorer?: ExplorerOptions
} {
  moveExplorer(authFilesIn(folder.auth).clients, `${url}/`)
  if (!existsSync(explorerFolder)) {
    logger.warn('the explorer has not been built: `npm start` builds it')
    return {}
  }
  const configuration = {
    ledger: trust.ledger,
    issuer: `${url}/auth`,
    clientId: 'explorer',
    audiences: { ledger: ledgerAudience, sealer: sealerAudience },
    servedBy: 'ledger',
    oneOperator: true,
    opening: true,
  } as const
  return { explorer: { folder: explorerFolder, configuration } }
}
