import type { ReactNode } from 'react'

/** Shown only after a moment, so that what comes at once does not flicker. */
export function Loading({ what = 'Loading' }: { readonly what?: string }): ReactNode {
  return (
    <p className="loading" role="status">
      {what}…
    </p>
  )
}

/** Nothing is there, and that is no mistake. */
export function Empty(props: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{props.title}</p>
      {props.children}
    </div>
  )
}
