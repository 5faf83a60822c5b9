import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useId, useState } from 'react'
import type { DeskApi, DeskKey } from '../../desk/desk-api.ts'
import type { Opened } from '../../proof/open-block.ts'
import { openedAtDesk } from '../../proof/opened-at-desk.ts'
import { Loading } from '../../ui/loading.tsx'
import { PassphraseField } from '../../ui/passphrase-field.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'

/** The keys that are kept at the desk, which opens with them itself: they never come into the page. */
export function DeskKeyChooser(props: {
  readonly desk: DeskApi
  readonly bucket: string
  readonly index: number
  readonly onOpened: (opened: Opened) => void
}): ReactNode {
  const { desk, bucket, index, onOpened } = props
  const id = useId()
  const keys = useQuery({ queryKey: ['desk', 'keys'], queryFn: () => desk.keys() })
  const [chosen, setChosen] = useState<string>()
  const [passphrase, setPassphrase] = useState('')
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)
  const usable = (keys.data ?? []).filter(mayReceive)
  const key = usable.find(({ name }) => name === chosen) ?? usable.find(isReceivers) ?? usable[0]

  function choose(name: string): void {
    setChosen(name)
    setPassphrase('')
  }

  async function open({ name, encrypted }: DeskKey): Promise<void> {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      const opened = await desk.open({ bucket, index }, { name, ...(encrypted && { passphrase }) })
      onOpened(openedAtDesk(opened, name))
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }

  if (keys.isPending) return <Loading />
  if (keys.error !== null) return <Problem error={keys.error} />
  if (key === undefined) {
    return (
      <>
        <p>The folder of this desk holds no key that could open a record.</p>
        <Unusable keys={keys.data} />
      </>
    )
  }
  return (
    <form
      className="key-chooser"
      onSubmit={(event) => {
        event.preventDefault()
        void open(key)
      }}
    >
      <div className="field">
        <label htmlFor={id}>Your private key, in the folder of this desk</label>
        <select id={id} value={key.name} onChange={({ target }) => choose(target.value)}>
          {usable.map(({ name, encrypted }) => (
            <option key={name} value={name}>
              {name}
              {encrypted && ' (with a passphrase)'}
            </option>
          ))}
        </select>
      </div>
      {key.encrypted && <PassphraseField key={key.name} onChange={setPassphrase} />}
      <Unusable keys={keys.data} />
      <p className="aside">The desk opens it, on this computer; the key does not even come into the page.</p>
      <button className="button primary" type="submit" aria-busy={isBusy}>
        Open
      </button>
      <div aria-live="polite">{error !== undefined && <Problem error={error} />}</div>
    </form>
  )
}

/** Files of keys that the desk will not use, and why: else a person would look for them in vain. */
function Unusable({ keys }: { readonly keys: readonly DeskKey[] }): ReactNode {
  return keys.map(
    ({ name, problem }) =>
      problem !== undefined && (
        <p key={name} className="warning">
          <SafeText text={name} /> is not used: <SafeText text={problem} />
        </p>
      ),
  )
}

/** What kind of key it is, is not known before its passphrase is. */
function mayReceive({ kind, problem }: DeskKey): boolean {
  return problem === undefined && (kind === undefined || kind === 'RSA')
}

function isReceivers({ name }: DeskKey): boolean {
  return name.startsWith('receivers/')
}
