import type { ReactNode } from 'react'
import type { State } from './exchange-reading.ts'

const tones: Partial<Record<State, string>> = {
  registered: 'good',
  'awaiting-client': 'fair',
  'awaiting-confirmation': 'fair',
  expired: 'bad',
  refused: 'bad',
  cancelled: 'bad',
  failed: 'bad',
}

export function StateBadge({ state }: { readonly state: State }): ReactNode {
  return (
    <span className="badge" data-tone={tones[state]}>
      {state.replaceAll('-', ' ')}
    </span>
  )
}
