import { type ReactNode, useState } from 'react'
import { errorOf, type FileView } from '../../proof/messages.ts'
import type { Opened } from '../../proof/open-block.ts'
import { useProof } from '../../proof/proof-context.tsx'
import type { FileFinding, ProofView } from '../../proof/verify-file.ts'
import { Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { Time } from '../../ui/time.tsx'
import { Verdict } from '../../ui/verdict.tsx'
import { InclusionPath } from '../block/inclusion-path.tsx'
import { KeyChooser } from '../block/key-chooser.tsx'
import { RecordView } from '../block/record-view.tsx'
import { FingerprintList, Signers } from '../block/signers.tsx'

/** What was found in one file. */
export function FileResult(props: {
  readonly result: FileView
  readonly file: File | undefined
  /** Given together with it, and used where none is pinned. */
  readonly trustFile: File | undefined
  /** Nothing else was given. */
  readonly isAlone: boolean
}): ReactNode {
  const { result, file, trustFile, isAlone } = props
  return (
    <section className="card file-result">
      <h2>
        <SafeText text={result.name} />
      </h2>
      {'error' in result ? (
        <Verdict standing="failed" reason={errorOf(result.error).message} />
      ) : (
        <Finding finding={result.finding} isGiven={trustFile !== undefined} isAlone={isAlone} />
      )}
      {'finding' in result && result.finding.kind === 'evidence' && file !== undefined && (
        <OpenEvidence finding={result.finding} file={file} trustFile={trustFile} />
      )}
    </section>
  )
}

type FindingProps<F> = {
  readonly finding: F
  /** A trust file was given together with it. */
  readonly isGiven: boolean
}

function Finding(props: FindingProps<FileFinding> & { readonly isAlone: boolean }): ReactNode {
  const { finding, isGiven, isAlone } = props
  switch (finding.kind) {
    case 'evidence':
    case 'receipt':
      return <Proven {...{ finding, isGiven }} />
    case 'chain':
      return <Chain finding={finding} />
    case 'trust':
      return (
        <p>
          A trust file, of <SafeText text={finding.ledger} />, genesis <Hash value={finding.genesis} />{' '}
          {isAlone
            ? 'There is nothing to hold against it: give other files together with it, or pin it below.'
            : 'The other files are held against it. It is not pinned by this.'}
        </p>
      )
    case 'entry':
      return (
        <p>
          The entry of block {finding.index} of <SafeText text={finding.bucket} />, hash{' '}
          <Hash value={finding.hash} />. By itself it shows nothing: a receipt proves that it is in the log.
        </p>
      )
  }
}

function Proven({ finding, isGiven }: FindingProps<Extract<FileFinding, ProofView>>): ReactNode {
  const { standing, policy, bucket, index, hash, path, checkpoint, fingerprints } = finding
  return (
    <>
      <Verdict standing={standing} policy={policy} />
      {isGiven && standing === 'not-pinned' && (
        <p>
          It holds against the trust file that was given together with it. If both came from the same hand,
          that shows nothing: pin that file below once you know from whom you have it.
        </p>
      )}
      <dl className="facts">
        <dt>Block</dt>
        <dd>
          {index.toLocaleString('en')} of <SafeText text={bucket} />
        </dd>
        <dt>Hash</dt>
        <dd>
          <Hash value={hash} full />
        </dd>
        {finding.kind === 'evidence' && <About finding={finding} />}
      </dl>
      {path !== undefined && <InclusionPath path={path} />}
      <Signers checkpoint={checkpoint} />
      {standing === 'not-pinned' && <FingerprintList fingerprints={fingerprints} />}
    </>
  )
}

type Evidence = Extract<FileFinding, { readonly kind: 'evidence' }>

const envelopes: Record<Evidence['envelope'], string> = {
  none: 'none in this file',
  sealed: 'the one that the statement names',
  imported: 'an imported block: unauthenticated',
}

function About({
  finding: { sender, type, time, envelope, suspect },
}: {
  readonly finding: Evidence
}): ReactNode {
  return (
    <>
      <dt>Time</dt>
      <dd>
        <Time ms={time} />
      </dd>
      <dt>Type</dt>
      <dd>
        <SafeText text={type} />
      </dd>
      <dt>Sender</dt>
      <dd>
        <SafeText text={sender.owner} /> <Hash value={sender.kid} />
        {suspect && <strong> The key was later reported stolen as of a time before this block.</strong>}
      </dd>
      <dt>Envelope</dt>
      <dd>{envelopes[envelope]}</dd>
    </>
  )
}

function Chain({
  finding,
}: {
  readonly finding: Extract<FileFinding, { readonly kind: 'chain' }>
}): ReactNode {
  const { blocks, reusedKeys } = finding.verdict
  return (
    <>
      <Verdict standing="not-pinned" reason="consistent by the article's rule (weak)" />
      <p>
        {blocks.toLocaleString('en')} {blocks === 1 ? 'block' : 'blocks'}: each hash and each link is right by
        the article's rule. That rule does not cover <code>metainfo</code>, nobody has signed the chain as a
        whole, and whoever rewrites all of it passes too.
      </p>
      {reusedKeys.length > 0 && (
        <p className="warning">
          Blocks {reusedKeys.join(', ')} share their key signature: a key was used twice.
        </p>
      )}
    </>
  )
}

function OpenEvidence(props: {
  readonly finding: Evidence
  readonly file: File
  readonly trustFile: File | undefined
}): ReactNode {
  const { finding, file, trustFile } = props
  const proof = useProof()
  const [opened, setOpened] = useState<Opened>()
  if (finding.envelope === 'none') return undefined
  if (opened !== undefined) {
    const name = `${finding.bucket}-${finding.index}.record`
    return <RecordView opened={opened} name={name} onClose={() => setOpened(undefined)} />
  }
  const trust = trustFile === undefined ? {} : { trust: trustFile }
  return (
    <details>
      <summary>Open the record</summary>
      <KeyChooser
        label="Open"
        onChoose={async (key) => setOpened(await proof.ask('open-evidence', { file, ...trust, key }))}
      />
    </details>
  )
}
