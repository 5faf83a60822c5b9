import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Button, FileTrigger } from 'react-aria-components'
import type { TrustView } from '../../proof/pinned-trust.ts'
import { useProof } from '../../proof/proof-context.tsx'
import { Hash } from '../../ui/hash.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'

const trustBytesMax = 262_144

/** The trust file that verdicts are held against: shown, chosen, removed. */
export function TrustSection(props: {
  readonly trust: TrustView | undefined
  /** Why the one that is stored cannot be read. */
  readonly refused: unknown
}): ReactNode {
  const { trust, refused } = props
  const isThere = trust !== undefined || refused !== null
  const proof = useProof()
  const queries = useQueryClient()
  const change = useMutation({
    networkMode: 'always',
    async mutationFn(file: File | undefined) {
      if (file === undefined) await proof.ask('unpin', undefined)
      else if (file.size > trustBytesMax)
        throw new Error(`${file.name} is too long for a trust file; it was not read`)
      else await proof.ask('pin', { text: await file.text() })
      await queries.invalidateQueries({ queryKey: ['proof'] })
    },
  })
  return (
    <section className="card" aria-labelledby="trust-heading">
      <h2 id="trust-heading">Trust file</h2>
      {refused !== null ? (
        <Problem error={refused} />
      ) : trust === undefined ? (
        <p>
          None is pinned in this browser: what is verified can only be found consistent, and the fingerprints
          are left for you to compare. The trust file (<code>ledgerstone.trust</code>) comes to you from the
          people who run the ledger, by another way than this page.
        </p>
      ) : (
        <Pinned trust={trust} />
      )}
      {trust?.source !== 'desk' && (
        <div className="row">
          <FileTrigger
            acceptedFileTypes={['.trust']}
            onSelect={(files) => files?.[0] && change.mutate(files[0])}
          >
            <Button className="button">{isThere ? 'Pin another…' : 'Pin a trust file…'}</Button>
          </FileTrigger>
          {isThere && (
            <Button className="button" onPress={() => change.mutate(undefined)}>
              Remove it
            </Button>
          )}
        </div>
      )}
      <div aria-live="polite">{change.error !== null && <Problem error={change.error} />}</div>
    </section>
  )
}

function Pinned({ trust }: { readonly trust: TrustView }): ReactNode {
  const { source, ledger, genesis, keysVkey, policy, fingerprint } = trust
  return (
    <>
      <p>
        {source === 'desk'
          ? 'Pinned by ledgerstone desk on this computer.'
          : 'Pinned in this browser, where you have chosen it.'}
      </p>
      <dl className="facts">
        <dt>Ledger</dt>
        <dd>
          <SafeText text={ledger} />
        </dd>
        <dt>SHA-256 of the file</dt>
        <dd>
          <Hash value={fingerprint} full />
        </dd>
        <dt>Genesis</dt>
        <dd>
          <Hash value={genesis} full />
        </dd>
        <dt>
          Log key of <code>keys</code>
        </dt>
        <dd>
          <Hash value={keysVkey} full />
        </dd>
        <dt>Policy</dt>
        <dd>
          <SafeText text={policy} />
        </dd>
      </dl>
    </>
  )
}
