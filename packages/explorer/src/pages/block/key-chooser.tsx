import { isEncryptedPem } from '@ledgerstone/core/pem'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import {
  Button,
  Checkbox,
  FileTrigger,
  Form,
  Input,
  Label,
  Radio,
  RadioGroup,
  TextField,
} from 'react-aria-components'
import type { KeptKey, KeyChoice } from '../../proof/private-key.ts'
import { useProof } from '../../proof/proof-context.tsx'
import { Hash } from '../../ui/hash.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'

const fileBytesMax = 65_536
const fromFile = 'file'

/**
 * The person's own key: out of a PEM file for this once, or kept by the browser. `onChoose` may throw, which
 * is shown here.
 */
export function KeyChooser(props: {
  readonly label: string
  readonly onChoose: (key: KeyChoice) => Promise<void>
}): ReactNode {
  const proof = useProof()
  const queries = useQueryClient()
  const kept = useQuery({
    queryKey: keptKeysKey,
    queryFn: () => proof.ask('kept-keys', undefined),
    networkMode: 'always',
  })
  const [source, setSource] = useState(fromFile)
  const [given, setGiven] = useState<GivenKey>({ passphrase: '', keeps: false })
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)

  async function keyOf(): Promise<KeyChoice> {
    if (source !== fromFile) return { kind: 'kept', kid: source }
    const { file, passphrase, keeps } = given
    if (file === undefined) throw new Error('choose the PEM file of the key first')
    const key = { pem: file.pem, ...(passphrase !== '' && { passphrase }) }
    if (!keeps) return { kind: 'pem', ...key }
    const { kid } = await proof.ask('keep-key', { ...key, name: file.name })
    await queries.invalidateQueries({ queryKey: keptKeysKey })
    return { kind: 'kept', kid }
  }

  async function choose(): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      await props.onChoose(await keyOf())
      setGiven((before) => ({ ...before, passphrase: '' }))
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Form
      className="key-chooser"
      onSubmit={(event) => {
        event.preventDefault()
        void choose()
      }}
    >
      <RadioGroup value={source} onChange={setSource}>
        <Label>Your private key</Label>
        {kept.data?.map((key) => (
          <KeptKeyRow key={key.kid} kept={key} />
        ))}
        <Radio value={fromFile}>A PEM file (PKCS#8, also with a passphrase, or PKCS#1)</Radio>
      </RadioGroup>
      {source === fromFile && <PemFields given={given} onChange={setGiven} onError={setError} />}
      <p className="aside">The key stays on this computer: it is never sent anywhere.</p>
      <button className="button primary" type="submit" aria-busy={isBusy}>
        {props.label}
      </button>
      <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
    </Form>
  )
}

type GivenKey = {
  readonly file?: { readonly name: string; readonly pem: string }
  readonly passphrase: string
  readonly keeps: boolean
}

function PemFields(props: {
  readonly given: GivenKey
  readonly onChange: (given: GivenKey) => void
  readonly onError: (error: unknown) => void
}): ReactNode {
  const { given, onChange, onError } = props
  const { file, passphrase, keeps } = given

  async function take(files: FileList | null): Promise<void> {
    const chosen = files?.[0]
    if (chosen === undefined) return
    const isLong = chosen.size > fileBytesMax
    onError(isLong ? new Error(`${chosen.name} is too long for a key; it was not read`) : undefined)
    onChange({
      ...{ passphrase: '', keeps },
      ...(!isLong && { file: { name: chosen.name, pem: await chosen.text() } }),
    })
  }

  return (
    <>
      <div className="row">
        <FileTrigger acceptedFileTypes={['.pem', '.key', 'application/x-pem-file']} onSelect={take}>
          <Button className="button">Choose file…</Button>
        </FileTrigger>
        {file === undefined ? <span>no file chosen</span> : <SafeText text={file.name} />}
      </div>
      {file !== undefined && isEncryptedPem(file.pem) && (
        <TextField
          type="password"
          autoComplete="off"
          value={passphrase}
          onChange={(text) => onChange({ ...given, passphrase: text })}
        >
          <Label>Passphrase</Label>
          <Input />
        </TextField>
      )}
      <Checkbox isSelected={keeps} onChange={(isKept) => onChange({ ...given, keeps: isKept })}>
        Keep this key in this browser, where nobody can read it again, not even this page
      </Checkbox>
    </>
  )
}

const keptKeysKey = ['proof', 'kept-keys']

function KeptKeyRow({ kept }: { readonly kept: KeptKey }): ReactNode {
  const proof = useProof()
  const queries = useQueryClient()
  return (
    <div className="row">
      <Radio value={kept.kid}>
        <SafeText text={kept.name} /> <Hash value={kept.kid} />, kept in this browser
      </Radio>
      <Button
        className="button small"
        onPress={async () => {
          await proof.ask('forget-key', { kid: kept.kid })
          await queries.invalidateQueries({ queryKey: keptKeysKey })
        }}
      >
        Forget
      </Button>
    </div>
  )
}
