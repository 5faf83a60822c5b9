import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useConfiguration } from '../../configuration-context.tsx'
import { useProof } from '../../proof/proof-context.tsx'
import type { BlockReading } from '../../proof/read-block.ts'
import { Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { BlockFacts } from './block-facts.tsx'
import { EvidenceSection } from './evidence-section.tsx'
import { OpenSection } from './open-section.tsx'
import { PayloadSection } from './payload-section.tsx'
import { VerifySection } from './verify-section.tsx'
import './block.css'

export function BlockPage({ bucket, index }: { readonly bucket: string; readonly index: number }): ReactNode {
  const proof = useProof()
  const isPlace = Number.isSafeInteger(index) && index >= 0
  const reading = useQuery({
    queryKey: ['proof', 'block', bucket, index],
    queryFn: () => proof.ask('read-block', { bucket, index }),
    enabled: isPlace,
  })
  return (
    <div className="block-page">
      <p>
        <Link href={`/buckets/${bucket}`}>
          ← <SafeText text={bucket} />
        </Link>
      </p>
      <h1>
        Block {isPlace ? index.toLocaleString('en') : '?'} of <SafeText text={bucket} />
      </h1>
      {!isPlace && <p>The address names no block: an index is a number from 0.</p>}
      {reading.isPending && isPlace && <Loading />}
      {reading.error !== null && <Problem error={reading.error} onRetry={() => void reading.refetch()} />}
      {/* A block of its own, so that nothing opened or found stays when another one is looked at. */}
      {reading.data !== undefined && (
        <Block key={`${bucket}/${index}`} {...{ bucket, index }} reading={reading.data} />
      )}
    </div>
  )
}

function Block(props: {
  readonly bucket: string
  readonly index: number
  readonly reading: BlockReading
}): ReactNode {
  const { bucket, index, reading } = props
  const { view, payload, damaged } = reading
  const { opening, servedBy } = useConfiguration()
  const place = { bucket, index }
  return (
    <>
      {servedBy === 'ledger' && <ServedByTheLedger />}
      {damaged !== undefined && (
        <p className="warning" role="note">
          Not all of the block can be shown: <SafeText text={damaged} />. Verify says what is wrong with it.
        </p>
      )}
      {view !== undefined && <BlockFacts view={view} />}
      <VerifySection {...place} shown={view?.hash} />
      <OpenSection
        {...place}
        opening={opening}
        hasEnvelope={damaged !== undefined || payload?.suite !== undefined}
      />
      <EvidenceSection {...place} />
      {payload !== undefined && <PayloadSection payload={payload} />}
    </>
  )
}

/** A page can be no more honest than whoever serves it. */
function ServedByTheLedger(): ReactNode {
  return (
    <p className="aside" role="note">
      This copy of the page comes from the ledger itself. It shows tampering with files, database, network and
      backups, and does not protect against a dishonest operator of this ledger: for that, use{' '}
      <code>ledgerstone desk</code> on your own computer.
    </p>
  )
}
