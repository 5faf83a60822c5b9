import type { Standing } from '@ledgerstone/client/anchor'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { SafeText } from './safe-text.tsx'

const words: Record<
  Standing | 'failed',
  { readonly title: string; readonly tone: string; readonly sign: string }
> = {
  verified: {
    title: 'Verified against the pinned trust file',
    tone: 'good',
    sign: 'm3 8.500 3.500 3.500 6.500-8',
  },
  'log-signed-only': {
    title: 'Verified against the pinned trust file, log-signed only',
    tone: 'fair',
    sign: 'M8 3.500v5.500M8 11.500v1',
  },
  'not-pinned': { title: 'Consistent, not pinned', tone: 'fair', sign: 'M8 3.500v5.500M8 11.500v1' },
  failed: { title: 'Failed', tone: 'bad', sign: 'm4 4 8 8m0-8-8 8' },
}

const meanings: Partial<Record<Standing | 'failed', ReactNode>> = {
  'log-signed-only':
    'One operator runs it all, and could show different people different histories: no witness has signed.',
  'not-pinned': (
    <>
      All of it fits together, but nothing pins its start: that came with it. Compare the fingerprints with
      the trust file that you were given, or{' '}
      <Link href="/verify" onClick={() => document.getElementById('trust-heading')?.scrollIntoView()}>
        pin that file
      </Link>
      .
    </>
  ),
}

/** One of the three verdicts, and how much it means. Only the first, with a quorum, is green. */
export function Verdict(props: {
  readonly standing: Standing | 'failed'
  readonly policy?: string
  readonly reason?: string
}): ReactNode {
  const { standing, policy, reason } = props
  const { title, tone, sign } = words[standing]
  const meaning = reason === undefined ? meanings[standing] : undefined
  return (
    <div className="verdict" data-tone={tone}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={sign} />
      </svg>
      <div>
        <p className="verdict-title">
          {title}
          {reason !== undefined && (
            <>
              : <SafeText text={reason} />
            </>
          )}
        </p>
        {meaning !== undefined && <p>{meaning}</p>}
        {policy !== undefined && (
          <p className="verdict-policy">
            Policy: <SafeText text={policy} />
          </p>
        )}
      </div>
    </div>
  )
}
