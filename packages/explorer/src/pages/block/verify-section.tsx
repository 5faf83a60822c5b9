import type { Step, StepName } from '@ledgerstone/client/steps'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useHeads, useProof } from '../../proof/proof-context.tsx'
import type { BlockVerdict } from '../../proof/views.ts'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { Time } from '../../ui/time.tsx'
import { Verdict } from '../../ui/verdict.tsx'
import { InclusionPath } from './inclusion-path.tsx'
import { FingerprintList, Signers } from './signers.tsx'
import { VerificationSteps } from './verification-steps.tsx'

/** Verify: recomputed in this browser from the ledger's bytes. `shown`: the hash that the page shows. */
export function VerifySection(props: {
  readonly bucket: string
  readonly index: number
  readonly shown: string | undefined
}): ReactNode {
  const { bucket, index, shown } = props
  const proof = useProof()
  const verification = useMutation({
    mutationFn: () => proof.ask('verify-block', { bucket, index, ...(shown !== undefined && { shown }) }),
  })
  const { data: verdict, error, isPending } = verification
  return (
    <section className="card" aria-labelledby="verify-heading">
      <h2 id="verify-heading">Verify</h2>
      <p>
        Recomputes in this browser, from the ledger's bytes: the hash, the links, the way to the signed root,
        the signatures, the sender's statement and the digest of the envelope.
      </p>
      <button
        type="button"
        className="button primary"
        aria-busy={isPending}
        onClick={() => isPending || verification.mutate()}
      >
        {isPending ? 'Verifying…' : verdict === undefined ? 'Verify' : 'Verify again'}
      </button>
      <Remembered bucket={bucket} />
      <div aria-live="polite">
        {error !== null && <Problem error={error} />}
        {verdict !== undefined && error === null && <Result verdict={verdict} />}
      </div>
    </section>
  )
}

const firstSight =
  'First sight: before this visit, this browser remembered nothing of this bucket. A rollback is noticed ' +
  'from now on.'

/** What this browser remembers is all by which it can notice a rollback: it says so when that is nothing. */
function Remembered({ bucket }: { readonly bucket: string }): ReactNode {
  const head = useHeads(true).data?.find((each) => each.bucket === bucket)
  if (head === undefined) return undefined
  const { since } = head
  if (since === undefined) {
    return (
      <p className="aside">
        This browser remembers nothing of <SafeText text={bucket} />: a rollback since an earlier visit cannot
        be noticed.
      </p>
    )
  }
  const isNew = since >= performance.timeOrigin
  return (
    <p className="aside">
      {isNew ? firstSight : 'This browser remembers this bucket, and would notice a rollback, since '}
      {!isNew && <Time ms={since} />}
    </p>
  )
}

/** The failure that says most: a neighbour's link is wrong also when it is this block that was changed. */
function reasonOf(steps: readonly Step[]): string | undefined {
  const order: readonly StepName[] = ['history', 'registry', 'checkpoint', 'inclusion', 'entry', 'statement']
  const rank = ({ name }: Step): number => (order.includes(name) ? order.indexOf(name) : order.length)
  const failed = steps.filter(({ state }) => state === 'failed').toSorted((a, b) => rank(a) - rank(b))[0]
  if (failed?.name !== 'inclusion') return failed?.said
  return `the block served is not the one under the signed checkpoint (${failed.said})`
}

function Result({ verdict }: { readonly verdict: BlockVerdict }): ReactNode {
  const { standing, policy, steps, path, checkpoint, fingerprints, suspect, tookMs } = verdict
  const reason = reasonOf(steps)
  return (
    <div className="verification" data-standing={standing}>
      <Verdict standing={standing} policy={policy} {...(reason !== undefined && { reason })} />
      {suspect && (
        <p className="warning" role="note">
          The sender's key was later reported stolen as of a time before this block.
        </p>
      )}
      <VerificationSteps steps={steps} />
      {path !== undefined && <InclusionPath path={path} />}
      {checkpoint !== undefined && <Signers checkpoint={checkpoint} />}
      {fingerprints !== undefined && standing === 'not-pinned' && (
        <FingerprintList fingerprints={fingerprints} />
      )}
      <p className="aside">In {tookMs.toFixed(0)} ms.</p>
    </div>
  )
}
