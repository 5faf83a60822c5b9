import type { ReactNode } from 'react'

export function BlockPage({ bucket, index }: { readonly bucket: string; readonly index: number }): ReactNode {
  return (
    <h1>
      Block {index} of {bucket}
    </h1>
  )
}
