import type { ReactNode } from 'react'

export function ChainPage({ bucket }: { readonly bucket: string }): ReactNode {
  return <h1>{bucket}</h1>
}
