import { type ReactNode, useState } from 'react'
import { useDesk } from '../../desk/use-desk.ts'
import type { Opened } from '../../proof/open-block.ts'
import { useProof } from '../../proof/proof-context.tsx'
import { DeskKeyChooser } from './desk-key-chooser.tsx'
import { KeyChooser } from './key-chooser.tsx'
import { RecordView } from './record-view.tsx'

/** Open: verified, unwrapped, its key signature checked, decrypted, all in this browser. */
export function OpenSection(props: {
  readonly bucket: string
  readonly index: number
  readonly opening: boolean
  readonly hasEnvelope: boolean
}): ReactNode {
  const { bucket, index, opening, hasEnvelope } = props
  const proof = useProof()
  const desk = useDesk()
  const [opened, setOpened] = useState<Opened>()
  return (
    <section className="card" aria-labelledby="open-heading">
      <h2 id="open-heading">Open</h2>
      {!hasEnvelope ? (
        <p>This block has no envelope: there is nothing to open, or it was erased.</p>
      ) : !opening ? (
        <OpeningElsewhere />
      ) : opened === undefined ? (
        <>
          {desk !== undefined && <DeskKeyChooser {...{ desk, bucket, index }} onOpened={setOpened} />}
          <Aside isIn={desk !== undefined}>
            <KeyChooser
              label="Open"
              onChoose={async (key) => setOpened(await proof.ask('open-block', { bucket, index, key }))}
            />
          </Aside>
        </>
      ) : (
        <RecordView opened={opened} name={`${bucket}-${index}.record`} onClose={() => setOpened(undefined)} />
      )}
    </section>
  )
}

/** At a desk, keys from elsewhere are the exception. */
function Aside({ isIn, children }: { readonly isIn: boolean; readonly children: ReactNode }): ReactNode {
  if (!isIn) return children
  return (
    <details>
      <summary>With a key that is not in the folder of this desk</summary>
      {children}
    </details>
  )
}

function OpeningElsewhere(): ReactNode {
  return (
    <>
      <p>
        Records are not opened here: this page comes from the ledger's own address, and whoever runs that
        could send a page that takes your private key.
      </p>
      <p>
        Open them from your own computer, with the page that <code>ledgerstone desk --server URL</code> serves
        there, or with <code>ledgerstone open</code>.
      </p>
    </>
  )
}
