import type { ReactNode } from 'react'
import type { CheckpointView, Fingerprints } from '../../proof/views.ts'
import { Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { Time } from '../../ui/time.tsx'

/** Who signed the checkpoint that covers the block. */
export function Signers({ checkpoint }: { readonly checkpoint: CheckpointView }): ReactNode {
  const { origin, size, root, signers } = checkpoint
  return (
    <section aria-label="Checkpoint">
      <h3>Checkpoint</h3>
      <p>
        {size.toLocaleString('en')} blocks of <SafeText text={origin} />, root <Hash value={root} />
      </p>
      <ul>
        {signers.map(({ name, kind, algorithm, at }) => (
          <li key={`${kind} ${name} ${algorithm}`}>
            {kind === 'log' ? 'the log' : 'witness'} <SafeText text={name} />, {algorithm}
            {at !== undefined && (
              <>
                , <Time ms={at} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What to compare, by another way than this page, with the trust file or with somebody who has it. */
export function FingerprintList({ fingerprints }: { readonly fingerprints: Fingerprints }): ReactNode {
  return (
    <section aria-label="Fingerprints to compare">
      <h3>Fingerprints to compare</h3>
      <p>
        The genesis stands in the trust file of the ledger, and so does the Ed25519 key of the log of{' '}
        <code>keys</code>. Compare them with a copy that came to you by another way than this page.
      </p>
      <dl className="facts">
        <dt>Genesis</dt>
        <dd>
          <Hash value={fingerprints.genesis} full />
        </dd>
        {fingerprints.logKeys.map(({ name, algorithm, fingerprint, vkey }) => (
          <LogKey key={fingerprint} {...{ name, algorithm, fingerprint, vkey }} />
        ))}
      </dl>
    </section>
  )
}

function LogKey(props: Fingerprints['logKeys'][number]): ReactNode {
  const { name, algorithm, fingerprint, vkey } = props
  return (
    <>
      <dt>
        <SafeText text={name} />, {algorithm}
      </dt>
      <dd>{algorithm === 'Ed25519' ? <Hash value={vkey} full /> : <Hash value={fingerprint} full />}</dd>
    </>
  )
}
