import { type ReactNode, useId } from 'react'

/** Nothing remembers what is typed here but the one who asks. */
export function PassphraseField(props: { readonly onChange: (passphrase: string) => void }): ReactNode {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>Passphrase</label>
      <input
        id={id}
        type="password"
        autoComplete="off"
        onChange={({ target }) => props.onChange(target.value)}
      />
    </div>
  )
}
