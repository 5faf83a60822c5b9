import type { KeyView } from '@ledgerstone/core/key-view'
import type { ReactNode } from 'react'
import { wordsOf } from './key-words.ts'

export function KeyBadge({ view }: { readonly view: KeyView }): ReactNode {
  const { text, tone } = wordsOf(view)
  return (
    <span className="badge" data-tone={tone}>
      {text}
    </span>
  )
}
