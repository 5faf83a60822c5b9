import type { ReactNode } from 'react'
import { useDesk } from '../../desk/use-desk.ts'
import { Time } from '../../ui/time.tsx'
import { CommandLine } from './command-line.tsx'
import type { Assurance, ExchangeReading } from './exchange-reading.ts'
import { RunHere } from './run-here.tsx'
import { useServer } from './use-server.ts'

/** What the other machine runs, so that the exchange has its second side; or this computer, at the desk. */
export function JoinHere({ exchange }: { readonly exchange: ExchangeReading }): ReactNode {
  const { id, owner, assurance, openAt, closesAt, opensOnJoin } = exchange
  const desk = useDesk()
  const server = useServer(desk)
  const plan = { server, owner, assurance: assurance as Assurance, join: id }
  return (
    <section className="card" aria-labelledby="join-heading">
      <h2 id="join-heading">Run this on the other machine</h2>
      <CommandLine plan={plan} />
      <p>
        It brings the certificate of that machine, once, until <Time ms={closesAt} />.{' '}
        {opensOnJoin ? (
          'The port opens as soon as it has.'
        ) : (
          <>
            It then waits for the port, which opens at <Time ms={openAt} />.
          </>
        )}{' '}
        No port is open before.
      </p>
      {desk !== undefined && <RunHere desk={desk} plan={plan} label="Join from this computer" />}
    </section>
  )
}
