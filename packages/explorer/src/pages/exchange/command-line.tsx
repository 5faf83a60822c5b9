import type { ReactNode } from 'react'
import { CopyButton } from '../../ui/hash.tsx'
import { commandOf, type Plan } from './exchange-reading.ts'

/** What is to be run on the other machine, to the letter. */
export function CommandLine({ plan }: { readonly plan: Plan }): ReactNode {
  const command = commandOf(plan)
  return (
    <>
      <p className="plan-command">
        <code>{command}</code> <CopyButton text={command} label="Copy the command" />
      </p>
      <p className="aside">
        The first time, with <code>--trust FILE</code>, the trust file that you handed over; and with a token
        or a client of its own (<code>--token</code>, <code>--client</code>).
      </p>
    </>
  )
}
