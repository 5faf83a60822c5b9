// Light, dark, or as the person's system has it. Kept in the browser: it is nobody else's business.
import { useState } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const key = 'ledgerstone.theme'
const order: readonly Theme[] = ['system', 'light', 'dark']

/** Before the first paint. */
export function applyTheme(theme: Theme = storedTheme()): void {
  document.documentElement.dataset['theme'] = theme
}

export function useTheme(): readonly [Theme, next: () => void] {
  const [theme, setTheme] = useState(storedTheme)
  function next(): void {
    const following = order[(order.indexOf(theme) + 1) % order.length] ?? 'system'
    localStorage.setItem(key, following)
    applyTheme(following)
    setTheme(following)
  }
  return [theme, next]
}

function storedTheme(): Theme {
  const stored = localStorage.getItem(key)
  return order.find((theme) => theme === stored) ?? 'system'
}
