import { isEncryptedPem } from '@ledgerstone/core/pem'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useId, useState } from 'react'
import type { DeskKeyChoice } from '../../desk/desk-api.ts'
import { useDesk } from '../../desk/use-desk.ts'
import type { PemKey } from '../../proof/registry-keys.ts'
import { PassphraseField } from '../../ui/passphrase-field.tsx'
import { Problem } from '../../ui/problem.tsx'

/** A key at the desk, by its name, or out of a PEM file in this page. */
export type OwnKeyChoice = DeskKeyChoice | PemKey

const fileBytesMax = 65_536

/** A private key of the person's. `onChange`: undefined while none is chosen. */
export function OwnKeyField(props: {
  readonly label: string
  readonly onChange: (key: OwnKeyChoice | undefined) => void
}): ReactNode {
  return useDesk() === undefined ? <PemField {...props} /> : <DeskField {...props} />
}

function PemField({ label, onChange }: Parameters<typeof OwnKeyField>[0]): ReactNode {
  const id = useId()
  const [pem, setPem] = useState<string>()
  const [error, setError] = useState<unknown>()

  async function take(file: File | undefined): Promise<void> {
    setError(undefined)
    setPem(undefined)
    onChange(undefined)
    if (file === undefined) return
    if (file.size > fileBytesMax) {
      setError(new Error(`${file.name} is too long for the PEM file of a key; it was not read`))
      return
    }
    const text = await file.text()
    setPem(text)
    onChange({ pem: text })
  }

  return (
    <div className="field">
      <label htmlFor={id}>{label} (PEM file)</label>
      <input id={id} type="file" accept=".pem,.key" onChange={({ target }) => void take(target.files?.[0])} />
      {pem !== undefined && isEncryptedPem(pem) && (
        <PassphraseField onChange={(passphrase) => onChange({ pem, passphrase })} />
      )}
      {error !== undefined && <Problem error={error} />}
    </div>
  )
}

function DeskField({ label, onChange }: Parameters<typeof OwnKeyField>[0]): ReactNode {
  const id = useId()
  const desk = useDesk()
  const [name, setName] = useState('')
  const { data: keys = [], error } = useQuery({
    queryKey: ['desk', 'keys'],
    queryFn: async () => (await desk?.keys()) ?? [],
  })
  const chosen = keys.find((key) => key.name === name)
  return (
    <div className="field">
      <label htmlFor={id}>{label} (stays at the desk)</label>
      <select
        id={id}
        value={name}
        onChange={({ target }) => {
          setName(target.value)
          onChange(target.value === '' ? undefined : { name: target.value })
        }}
      >
        <option value="">Choose a key of this computer…</option>
        {keys.map((key) => (
          <option key={key.name} value={key.name} disabled={key.problem !== undefined}>
            {key.name}
            {key.encrypted ? ' (under a passphrase)' : key.kind === undefined ? '' : ` (${key.kind})`}
            {key.problem !== undefined && ' (cannot be used)'}
          </option>
        ))}
      </select>
      {chosen?.encrypted === true && (
        <PassphraseField onChange={(passphrase) => onChange({ name, passphrase })} />
      )}
      {error !== null && <Problem error={error} />}
    </div>
  )
}
