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

type ChosenFile = { readonly name: string; readonly pem: string }

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
  const [file, setFile] = useState<ChosenFile>()
  const [passphrase, setPassphrase] = useState('')
  const [keeps, setKeeps] = useState(false)
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)

  async function keyOf(): Promise<KeyChoice> {
    if (source !== fromFile) return { kind: 'kept', kid: source }
    if (file === undefined) throw new Error('choose the PEM file of the key first')
    const given = { pem: file.pem, ...(passphrase !== '' && { passphrase }) }
    if (!keeps) return { kind: 'pem', ...given }
    const { kid } = await proof.ask('keep-key', { ...given, name: file.name })
    await queries.invalidateQueries({ queryKey: keptKeysKey })
    return { kind: 'kept', kid }
  }

  async function choose(): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      await props.onChoose(await keyOf())
      setPassphrase('')
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }

  async function take(files: FileList | null): Promise<void> {
    const given = files?.[0]
    if (given === undefined) return
    setError(undefined)
    if (given.size > fileBytesMax) {
      setFile(undefined)
      setError(new Error(`${given.name} is too long for the PEM file of a key; it was not read`))
      return
    }
    setSource(fromFile)
    setFile({ name: given.name, pem: await given.text() })
  }

  const isEncrypted = source === fromFile && file !== undefined && isEncryptedPem(file.pem)
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
      <div className="row">
        <FileTrigger acceptedFileTypes={['.pem', '.key', 'application/x-pem-file']} onSelect={take}>
          <Button className="button">Choose file…</Button>
        </FileTrigger>
        {file === undefined ? <span>no file chosen</span> : <SafeText text={file.name} />}
      </div>
      {isEncrypted && (
        <TextField type="password" value={passphrase} onChange={setPassphrase} autoComplete="off">
          <Label>Passphrase</Label>
          <Input />
        </TextField>
      )}
      {source === fromFile && (
        <Checkbox isSelected={keeps} onChange={setKeeps}>
          Keep this key in this browser, where nobody can read it again, not even this page
        </Checkbox>
      )}
      <p className="aside">The key stays on this computer: it is never sent anywhere.</p>
      <button className="button primary" type="submit" aria-busy={isBusy}>
        {props.label}
      </button>
      <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
    </Form>
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
