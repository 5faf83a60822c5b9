import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useProof } from '../../proof/proof-context.tsx'
import type { BlockVerdict } from '../../proof/views.ts'
import { Problem } from '../../ui/problem.tsx'
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
      <div aria-live="polite">
        {error !== null && <Problem error={error} />}
        {verdict !== undefined && error === null && <Result verdict={verdict} />}
      </div>
    </section>
  )
}

function Result({ verdict }: { readonly verdict: BlockVerdict }): ReactNode {
  const { standing, policy, steps, path, checkpoint, fingerprints, suspect, tookMs } = verdict
  const failed = steps.find(({ state }) => state === 'failed')
  return (
    <div className="verification" data-standing={standing}>
      <Verdict standing={standing} policy={policy} {...(failed && { reason: failed.said })} />
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
