// The fields of registrations, rotations and revocations.
import type { KeyView } from '@ledgerstone/core/key-view'
import { type ReactNode, useState } from 'react'
import { TimeField } from '../../ui/time-field.tsx'
import { ChangeForm } from './change-form.tsx'
import { timeIn } from './key-words.ts'
import { type OwnKeyChoice, OwnKeyField } from './own-key-field.tsx'
import type { Change } from './use-changes.ts'

export function RegisterForm(): ReactNode {
  const [key, setKey] = useState<OwnKeyChoice>()
  const [owner, setOwner] = useState('')
  const [purpose, setPurpose] = useState<'sign' | 'receive'>('receive')
  const [notAfter, setNotAfter] = useState('')
  return (
    <ChangeForm
      action="Register the key"
      command="ledgerstone keys register KEY.pem --owner OWNER --purpose receive --key REGISTRAR.pem"
      changeOf={() => {
        const until = timeIn(notAfter)
        const validity = until === undefined ? {} : { notAfter: until }
        return { kind: 'register', key: chosen(key), owner: owner.trim(), purpose, ...validity }
      }}
    >
      <OwnKeyField label="Key to register" onChange={setKey} />
      <label className="field">
        <span className="field-label">Owner</span>
        <input required value={owner} onChange={({ target }) => setOwner(target.value)} />
      </label>
      <label className="field">
        <span className="field-label">Purpose</span>
        <select
          value={purpose}
          onChange={({ target }) => setPurpose(target.value === 'sign' ? 'sign' : 'receive')}
        >
          <option value="receive">receive: records are sealed for it</option>
          <option value="sign">sign: it signs statements</option>
        </select>
      </label>
      <UntilField value={notAfter} onChange={setNotAfter} />
    </ChangeForm>
  )
}

export function RotateForm(): ReactNode {
  const [old, setOld] = useState<OwnKeyChoice>()
  const [key, setKey] = useState<OwnKeyChoice>()
  const [notAfter, setNotAfter] = useState('')
  return (
    <ChangeForm
      action="Rotate the key"
      command="ledgerstone keys rotate OLD.pem NEW.pem --key REGISTRAR.pem"
      changeOf={() => {
        const until = timeIn(notAfter)
        const validity = until === undefined ? {} : { notAfter: until }
        return { kind: 'rotate', old: chosen(old), key: chosen(key), ...validity }
      }}
    >
      <OwnKeyField label="Key that is replaced" onChange={setOld} />
      <OwnKeyField label="New key" onChange={setKey} />
      <UntilField value={notAfter} onChange={setNotAfter} />
    </ChangeForm>
  )
}

export function RevokeForm({ view: { kid } }: { readonly view: KeyView }): ReactNode {
  const [reason, setReason] = useState('')
  const [suspectFrom, setSuspectFrom] = useState('')
  return (
    <ChangeForm
      action="Revoke the key"
      isDanger
      signer="Registrar's key, or the key itself"
      command={`ledgerstone keys revoke ${kid} --reason 'WHY' --key REGISTRAR.pem`}
      changeOf={() => revocationOf(kid, reason, suspectFrom)}
    >
      <p>
        From its block on the key counts no more, and nothing can undo that. What it signed before stays
        valid, and is shown as suspect from the time that you give.
      </p>
      <ReasonField value={reason} onChange={setReason} />
      <TimeField label="Suspect from" note="optional" value={suspectFrom} onChange={setSuspectFrom} />
    </ChangeForm>
  )
}

/** Of a key that has been replaced or revoked. */
export function MarkForm({ view: { kid } }: { readonly view: KeyView }): ReactNode {
  const [reason, setReason] = useState('')
  const [suspectFrom, setSuspectFrom] = useState('')
  return (
    <ChangeForm
      action="Mark the key"
      isDanger
      command={`ledgerstone keys revoke ${kid} --suspect-from TIME --reason 'WHY' --key REGISTRAR.pem`}
      changeOf={() => revocationOf(kid, reason, suspectFrom)}
    >
      <p>
        The key has ended, and that stays as it was. What it signed is shown as suspect from the time that you
        give; it stays valid. The newest time that registrars have named holds.
      </p>
      <ReasonField value={reason} onChange={setReason} />
      <TimeField label="Suspect from" required value={suspectFrom} onChange={setSuspectFrom} />
    </ChangeForm>
  )
}

function revocationOf(kid: string, reason: string, suspectFrom: string): Change {
  const since = timeIn(suspectFrom)
  return {
    kind: 'revoke',
    kid,
    reason: reason.trim(),
    ...(since !== undefined && { suspectFrom: since }),
  }
}

type FieldProps = { readonly value: string; readonly onChange: (value: string) => void }

function ReasonField({ value, onChange }: FieldProps): ReactNode {
  return (
    <label className="field">
      <span className="field-label">Reason, for everybody to read</span>
      <input required value={value} onChange={({ target }) => onChange(target.value)} />
    </label>
  )
}

function UntilField(props: FieldProps): ReactNode {
  return <TimeField label="Valid until" note="optional" {...props} />
}

function chosen(key: OwnKeyChoice | undefined): OwnKeyChoice {
  if (key !== undefined) return key
  throw new Error('choose the private key first: it has to prove that you hold it')
}
