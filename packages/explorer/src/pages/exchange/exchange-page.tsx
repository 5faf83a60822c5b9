import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useDesk } from '../../desk/use-desk.ts'
import { Empty, Loading } from '../../ui/loading.tsx'
import { Problem } from '../../ui/problem.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { Time } from '../../ui/time.tsx'
import { DeskRuns } from './desk-runs.tsx'
import { ExchangeDetail } from './exchange-detail.tsx'
import type { ExchangeReading } from './exchange-reading.ts'
import { ScheduleForm } from './schedule-form.tsx'
import { StateBadge } from './state-badge.tsx'
import { useExchange, useExchanges } from './use-exchanges.ts'
import './exchange.css'

/** Key exchanges: scheduled here, run by another machine (or by this desk), watched and confirmed here. */
export function ExchangePage({ id }: { readonly id?: string }): ReactNode {
  return <div className="exchange-page">{id === undefined ? <All /> : <One key={id} id={id} />}</div>
}

function All(): ReactNode {
  const desk = useDesk()
  const exchanges = useExchanges()
  return (
    <>
      <h1>Key exchange</h1>
      <p>
        Two machines give each other their public keys, once, over a port that opens for this alone and closes
        again. Nobody is trusted on first sight: two people compare a short string before anything is
        registered.
      </p>
      <ScheduleForm />
      {desk !== undefined && <DeskRuns desk={desk} />}
      <section aria-labelledby="exchanges-heading">
        <h2 id="exchanges-heading">Exchanges at the sealer</h2>
        {exchanges.isPending && <Loading />}
        {exchanges.error !== null && (
          <Problem error={exchanges.error} onRetry={() => void exchanges.refetch()} />
        )}
        {exchanges.data?.length === 0 && (
          <Empty title="No exchange yet">
            <p>It appears here when it is scheduled, here or by the other machine.</p>
          </Empty>
        )}
        <ul className="exchange-list">
          {exchanges.data?.map((exchange) => (
            <Row key={exchange.id} exchange={exchange} />
          ))}
        </ul>
      </section>
    </>
  )
}

function Row({ exchange }: { readonly exchange: ExchangeReading }): ReactNode {
  const { id, owner, state, openAt, opensOnJoin, port } = exchange
  const waits = state === 'awaiting-client'
  return (
    <li className="card">
      <div className="row">
        <Link href={`/exchange/${id}`}>
          Keys of <SafeText text={owner} />
        </Link>
        <StateBadge state={state} />
      </div>
      <p className="quiet">
        Port {port}, {waits && opensOnJoin ? 'when the other machine has joined' : <From ms={openAt} />}
        {waits && <strong> — the other machine has to join</strong>}
        {state === 'awaiting-confirmation' && <strong> — the short string waits to be compared</strong>}
      </p>
    </li>
  )
}

function From({ ms }: { readonly ms: number }): ReactNode {
  return (
    <>
      from <Time ms={ms} />
    </>
  )
}

function One({ id }: { readonly id: string }): ReactNode {
  const desk = useDesk()
  const exchange = useExchange(id)
  return (
    <>
      <p>
        <Link href="/exchange">← Key exchanges</Link>
      </p>
      {exchange.isPending && <Loading />}
      {exchange.error !== null && <Problem error={exchange.error} onRetry={() => void exchange.refetch()} />}
      {exchange.data !== undefined && <ExchangeDetail exchange={exchange.data} />}
      {desk !== undefined && <DeskRuns desk={desk} exchange={id} />}
    </>
  )
}
