import { type ChangeRequest, withKeys } from '@ledgerstone/client/change-request'
import type { ChangePosted } from '@ledgerstone/client/registry-changes'
import { useQueryClient } from '@tanstack/react-query'
import { useConfiguration } from '../../configuration-context.tsx'
import type { DeskKeyChoice } from '../../desk/desk-api.ts'
import { useDesk } from '../../desk/use-desk.ts'
import { useProof } from '../../proof/proof-context.tsx'
import type { PemKey } from '../../proof/registry-keys.ts'
import type { OwnKeyChoice } from './own-key-field.tsx'

export type Change = ChangeRequest<OwnKeyChoice>

/** The registry shows a block once it is final, a moment later. */
const finalMs = 1500

/**
 * Signs and posts a change: at the desk with its keys, else in this browser. Undefined where no private key
 * may be used: the page comes from another computer.
 */
export function useChanges(): ((change: Change, by: OwnKeyChoice) => Promise<ChangePosted>) | undefined {
  const desk = useDesk()
  const proof = useProof()
  const { opening } = useConfiguration()
  const queries = useQueryClient()
  const refresh = (): Promise<void> => queries.invalidateQueries({ queryKey: keysKey })
  if (!opening) return undefined
  return async (change, by) => {
    const posted =
      desk === undefined
        ? await proof.ask('change-keys', { change: withKeys(change, pemOf), by: pemOf(by) })
        : await desk.change(withKeys(change, nameOf), nameOf(by))
    setTimeout(() => void refresh(), finalMs)
    return posted
  }
}

export const keysKey: readonly string[] = ['proof', 'keys']

function pemOf(key: OwnKeyChoice): PemKey {
  if ('pem' in key) return key
  throw new Error('a key of the desk cannot be used in the page')
}

function nameOf(key: OwnKeyChoice): DeskKeyChoice {
  if ('name' in key) return key
  throw new Error('a key of the page is not sent to the desk')
}
