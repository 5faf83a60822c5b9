import type { ReactNode } from 'react'

export function ExchangePage({ id }: { readonly id?: string }): ReactNode {
  return <h1>{id === undefined ? 'Exchange' : `Exchange ${id}`}</h1>
}
