import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import {
  Button,
  DropZone,
  FileTrigger,
  Input,
  isFileDropItem,
  Label,
  Text,
  TextField,
} from 'react-aria-components'
import { useProof, useTrust } from '../../proof/proof-context.tsx'
import { Problem } from '../../ui/problem.tsx'
import { FileResult } from './file-result.tsx'
import { TrustSection } from './trust-section.tsx'
import './verify.css'

const filesMax = 20

/** Files verified in this page alone: no request is made, so that it works without a network, too. */
export function VerifyPage(): ReactNode {
  const proof = useProof()
  const trust = useTrust()
  const [hash, setHash] = useState('')
  const runs = useRef(0)
  const verification = useMutation({
    networkMode: 'always',
    async mutationFn(given: readonly File[]) {
      if (given.length > filesMax)
        throw new Error(`${given.length} files at once: at most ${filesMax} are looked at`)
      const run = ++runs.current
      const results = await proof.ask('verify-files', { files: given, ...(hash !== '' && { hash }) })
      // Of files that were dropped in the meantime the newest count.
      if (run !== runs.current) return []
      return results.map((result, i) => ({ id: `${run} ${i}`, result, file: given[i] }))
    },
  })

  const { data: results = [], error, isPending, mutate, variables } = verification
  usePinned(trust.data?.fingerprint, () => variables !== undefined && mutate(variables))
  useDropsOnlyHere()
  // Given together with the others, and used for them.
  const trustFile = results.find(({ result }) => 'finding' in result && result.finding.kind === 'trust')?.file

  function take(given: readonly File[]): void {
    if (given.length > 0) mutate(given)
  }

  return (
    <div className="verify-page">
      <h1>Verify files</h1>
      <p>
        Evidence files, receipts, and chains in the shape of the article's payload. They are checked in this
        page and sent nowhere; it works offline.
      </p>
      <DropZone
        className="drop-zone"
        aria-label="Drop files to verify"
        onDrop={async ({ items }) =>
          take(await Promise.all(items.filter(isFileDropItem).map((item) => item.getFile())))
        }
      >
        <Text slot="label">Drop files here, or</Text>
        <FileTrigger allowsMultiple onSelect={(list) => take([...(list ?? [])])}>
          <Button className="button primary">Choose files…</Button>
        </FileTrigger>
      </DropZone>
      <TextField value={hash} onChange={setHash} className="field">
        <Label>Hash of the block, for a receipt without its block</Label>
        <Input placeholder="64 hexadecimal characters" />
      </TextField>
      <div aria-live="polite" aria-busy={isPending}>
        {isPending && <p>Verifying…</p>}
        {error !== null && <Problem error={error} />}
        {results.map(({ id, result, file }) => (
          <FileResult key={id} {...{ result, file, trustFile }} isAlone={results.length === 1} />
        ))}
      </div>
      <TrustSection trust={trust.data ?? undefined} refused={trust.error} />
    </div>
  )
}

/** What was found under one trust file says nothing under another: it is looked at again. */
function usePinned(fingerprint: string | undefined, onChange: () => void): void {
  const before = useRef(fingerprint)
  useEffect(() => {
    if (before.current === fingerprint) return
    before.current = fingerprint
    onChange()
  })
}

/** A file that falls beside the zone would take the place of the whole page. */
function useDropsOnlyHere(): void {
  useEffect(() => {
    const refuse = (event: DragEvent): void => {
      if (event.target instanceof Element && event.target.closest('.drop-zone') !== null) return
      event.preventDefault()
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = 'none'
    }
    addEventListener('dragover', refuse)
    addEventListener('drop', refuse)
    return () => {
      removeEventListener('dragover', refuse)
      removeEventListener('drop', refuse)
    }
  }, [])
}
