import type { ReactNode } from 'react'
import { zoneAt } from './time.tsx'

/** A date and a time in the person's own zone, which its label names. `note`: what it is when empty. */
export function TimeField(props: {
  readonly label: string
  readonly note?: string
  readonly required?: boolean
  readonly value: string
  readonly onChange: (value: string) => void
}): ReactNode {
  const { label, note, required = false, value, onChange } = props
  const chosen = Date.parse(value)
  const zone = zoneAt(Number.isNaN(chosen) ? Date.now() : chosen)
  return (
    <label className="field">
      <span className="field-label">
        {label} ({zone}
        {note !== undefined && `; ${note}`})
      </span>
      <input
        type="datetime-local"
        required={required}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </label>
  )
}
