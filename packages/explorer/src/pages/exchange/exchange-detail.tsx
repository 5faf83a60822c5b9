import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { Time } from '../../ui/time.tsx'
import { ConfirmForm } from './confirm-form.tsx'
import { type ExchangeReading, isOver, type Stage, stageOf, stages } from './exchange-reading.ts'
import { JoinHere } from './join-here.tsx'
import { ShortString } from './short-string.tsx'
import { StateBadge } from './state-badge.tsx'

/** One exchange, step by step. */
export function ExchangeDetail({ exchange }: { readonly exchange: ExchangeReading }): ReactNode {
  const { owner, state, code, detail } = exchange
  return (
    <>
      <h1>
        Exchange of keys of <SafeText text={owner} />
      </h1>
      <div aria-live="polite">
        {state === 'awaiting-client' && <JoinHere exchange={exchange} />}
        {state === 'awaiting-confirmation' && <Comparison exchange={exchange} />}
        {isOver(state) && state !== 'registered' && (
          <p className="problem">
            <span className="problem-title">It ended as {state}; nothing was registered. </span>
            {detail !== undefined && <SafeText text={detail} />} {code !== undefined && <code>{code}</code>}
          </p>
        )}
      </div>
      <ConfirmForm exchange={exchange} />
      <section className="card" aria-labelledby="steps-heading">
        <h2 id="steps-heading">
          Steps <StateBadge state={state} />
        </h2>
        <Steps exchange={exchange} />
      </section>
      <section className="card" aria-label="About this exchange">
        <Facts exchange={exchange} />
      </section>
    </>
  )
}

function Comparison({ exchange: { string, assurance } }: { readonly exchange: ExchangeReading }): ReactNode {
  if (string === undefined) {
    return (
      <p className="warning">
        You asked for this {assurance} exchange, or joined it, so the server's string is shown to another
        person only: that one has to confirm it, from what you read out.
      </p>
    )
  }
  return (
    <section className="card comparison" aria-labelledby="string-heading">
      <h2 id="string-heading">The short string at the server</h2>
      <ShortString string={string} />
      <p>
        Have the person at the other machine read theirs aloud, by telephone or face to face. It must be the
        same in every character. If it is not, somebody is in between: cancel.
      </p>
    </section>
  )
}

function Steps({ exchange }: { readonly exchange: ExchangeReading }): ReactNode {
  const { state } = exchange
  const reached = stages.indexOf(stageOf(exchange))
  const failed = isOver(state) && state !== 'registered'
  return (
    <ol className="steps">
      {stages.map((stage, at) => {
        const standing = standingOf(at, reached, failed, state === 'registered')
        return (
          <li key={stage} data-standing={standing} aria-current={standing === 'now' ? 'step' : undefined}>
            <strong>{stepTexts[stage]}</strong> <span className="quiet">{standingTexts[standing]}</span>
            <br />
            <span className="quiet">{stepDetail(stage, exchange, at <= reached)}</span>
          </li>
        )
      })}
    </ol>
  )
}

type Standing = 'done' | 'now' | 'failed' | 'open'

function standingOf(at: number, reached: number, failed: boolean, isDone: boolean): Standing {
  if (at < reached || isDone) return 'done'
  if (at > reached) return 'open'
  return failed ? 'failed' : 'now'
}

const standingTexts: Readonly<Record<Standing, string>> = {
  done: 'done',
  now: 'now',
  failed: 'ended here',
  open: '',
}

const stepTexts: Readonly<Record<Stage, string>> = {
  'awaiting-client': 'Scheduled',
  scheduled: 'The other machine has joined: both certificates are known',
  open: 'The port is open',
  talking: 'Mutual TLS, and the keys on both sides proven',
  'awaiting-confirmation': 'The short string is compared',
  confirmed: 'Confirmed',
  registered: 'Registered in the bucket keys',
}

function stepDetail(stage: Stage, exchange: ExchangeReading, isReached: boolean): ReactNode {
  const { openAt, closesAt, port, keys, confirmedBy, blocks, approvalsMissing } = exchange
  const { createdBy, joinedBy, opensOnJoin, clientFingerprint } = exchange
  switch (stage) {
    case 'awaiting-client':
      return (
        <>
          by <SafeText text={createdBy} />
        </>
      )
    case 'scheduled':
      return joinedBy === undefined ? (
        ''
      ) : (
        <>
          by <SafeText text={joinedBy} />
        </>
      )
    case 'open':
      return opensOnJoin && clientFingerprint === undefined ? (
        `${port}, as soon as the other machine has joined`
      ) : (
        <>
          {port}, from <Time ms={openAt} /> to <Time ms={closesAt} />
        </>
      )
    case 'awaiting-confirmation':
      return isReached ? `${keys.length} ${keys.length === 1 ? 'key' : 'keys'} of the client are proven` : ''
    case 'confirmed':
      return confirmedBy === undefined ? (
        ''
      ) : (
        <>
          by <SafeText text={confirmedBy} />
        </>
      )
    case 'registered':
      return blocks.length === 0 ? (
        ''
      ) : (
        <>
          {blocks.map(({ kid, index }) => (
            <Link key={kid} href={`/keys/${kid}`}>
              block {index}{' '}
            </Link>
          ))}
          {approvalsMissing > 0 && `${approvalsMissing} more registrars must approve`}
        </>
      )
    case 'talking':
      return ''
  }
}

function Facts({ exchange }: { readonly exchange: ExchangeReading }): ReactNode {
  const { id, assurance, fingerprint, clientFingerprint, refusedConnections, keys } = exchange
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Exchange', <Hash key="id" value={id} full />],
    ['Assurance', assurance],
    ["Server's certificate", <Fingerprint key="server" value={fingerprint} />],
    ["Client's certificate", <Fingerprint key="client" value={clientFingerprint} />],
    ["Client's keys", keys.length === 0 ? 'not shown yet' : <Keys key="keys" keys={keys} />],
    ['Refused connections', String(refusedConnections)],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} className="fact">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Fingerprint({ value }: { readonly value: string | undefined }): ReactNode {
  return value === undefined ? 'not known before it has joined' : <Hash value={value} />
}

function Keys({ keys }: Pick<ExchangeReading, 'keys'>): ReactNode {
  return (
    <ul className="plain-list">
      {keys.map(({ kid, purpose }) => (
        <li key={kid}>
          <Hash value={kid} /> to {purpose}
        </li>
      ))}
    </ul>
  )
}
