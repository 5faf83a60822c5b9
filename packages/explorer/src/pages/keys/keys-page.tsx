import type { ReactNode } from 'react'

export function KeysPage({ kid }: { readonly kid?: string }): ReactNode {
  return <h1>{kid === undefined ? 'Keys' : `Key ${kid}`}</h1>
}
