import type { ReactNode } from 'react'
import { safeParts } from './safe-parts.ts'

/** A text from outside: by itself, whatever its direction, with what cannot be seen made visible. */
export function SafeText({ text }: { readonly text: string }): ReactNode {
  const parts = safeParts(text).map((part) =>
    part.kind === 'text' ? (
      part.text
    ) : (
      <span key={part.at} className="unseen" title="a character that is not seen">
        {part.name}
      </span>
    ),
  )
  return <bdi className="safe-text">{parts}</bdi>
}
