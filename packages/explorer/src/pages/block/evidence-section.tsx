import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useProof } from '../../proof/proof-context.tsx'
import { Problem } from '../../ui/problem.tsx'
import { download } from './download.ts'

/** Evidence: one file by which the block is verified without the ledger. */
export function EvidenceSection({
  bucket,
  index,
}: {
  readonly bucket: string
  readonly index: number
}): ReactNode {
  const proof = useProof()
  const name = `${bucket}-${index}.evidence.json`
  const fetched = useMutation({
    async mutationFn() {
      download(name, await proof.ask('evidence', { bucket, index }), 'application/json')
    },
  })
  return (
    <section className="card" aria-labelledby="evidence-heading">
      <h2 id="evidence-heading">Evidence</h2>
      <p>
        One file with the entry, the envelope, the receipt and the whole key registry. It verifies without the
        ledger: on the page <Link href="/verify">Verify</Link>, also offline, or with{' '}
        <code>ledgerstone verify-evidence</code>.
      </p>
      <button
        type="button"
        className="button"
        aria-busy={fetched.isPending}
        onClick={() => fetched.isPending || fetched.mutate()}
      >
        Download the evidence
      </button>
      <div aria-live="polite">
        {fetched.isSuccess && <p>{name} was verified here and handed to you.</p>}
        {fetched.error !== null && <Problem error={fetched.error} />}
      </div>
    </section>
  )
}
