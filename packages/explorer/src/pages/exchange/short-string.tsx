import type { ReactNode } from 'react'

/** Large, and spelled for those who hear it. */
export function ShortString({ string }: { readonly string: string }): ReactNode {
  return (
    <p className="short-string">
      <span aria-hidden="true">{string}</span>
      <span className="visually-hidden">{[...string].join(' ')}</span>
    </p>
  )
}
