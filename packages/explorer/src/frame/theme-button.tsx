import type { ReactNode } from 'react'
import { type Theme, useTheme } from '../ui/theme.ts'

const drawings: Record<Theme, string> = {
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  light:
    'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15' +
    'M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  dark: 'M13 9.500A5.500 5.500 0 1 1 6.500 3a4.500 4.500 0 0 0 6.500 6.500Z',
}

export function ThemeButton(): ReactNode {
  const [theme, next] = useTheme()
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Colours: ${theme}`}
      title={`Colours: ${theme}`}
      onClick={next}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={drawings[theme]} />
      </svg>
    </button>
  )
}
