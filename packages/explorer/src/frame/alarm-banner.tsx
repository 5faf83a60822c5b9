import { type ReactNode, useState } from 'react'
import type { Alarm } from '../proof/database.ts'
import { useAlarms } from '../proof/proof-context.tsx'
import { SafeText } from '../ui/safe-text.tsx'
import { Time } from '../ui/time.tsx'

const titles: Record<Alarm['code'], string> = {
  'rolled-back': 'Alarm: a history was rolled back',
  forked: 'Alarm: two different histories',
  'wrong-ledger': 'Alarm: this is another ledger than before',
}

/** Loud, on every page, until a person has dealt with it: a reload does not end it, nor does signing out. */
export function AlarmBanner(): ReactNode {
  const { alarms, dismiss } = useAlarms()
  return alarms.map((alarm) => <AlarmNotice key={alarm.key} alarm={alarm} onDismiss={() => dismiss(alarm)} />)
}

/** In the header, which stays in sight: the way up to the alarms for those who have scrolled. */
export function AlarmMark(): ReactNode {
  const { alarms } = useAlarms()
  if (alarms.length === 0) return undefined
  return (
    <button type="button" className="alarm-mark" onClick={() => globalThis.scrollTo(0, 0)}>
      {alarms.length === 1 ? 'Alarm' : `${alarms.length} alarms`}
    </button>
  )
}

function AlarmNotice(props: { readonly alarm: Alarm; readonly onDismiss: () => Promise<void> }): ReactNode {
  const { alarm, onDismiss } = props
  const [isAsking, setAsking] = useState(false)
  return (
    <section className="alarm" role="alert" aria-label={titles[alarm.code]}>
      <div className="alarm-inner">
        <p className="alarm-title">{titles[alarm.code]}</p>
        <p>
          <SafeText text={alarm.origin} />: <SafeText text={alarm.said} />. Seen <Time ms={alarm.raisedAt} />.
          Trust nothing that this ledger shows until somebody has explained it.
        </p>
        {alarm.remembered !== undefined && (
          <details>
            <summary>The signed checkpoint that this browser remembers: the proof</summary>
            <pre>
              <SafeText text={alarm.remembered} />
            </pre>
          </details>
        )}
        {isAsking ? (
          <p className="row">
            <span>Ends the alarm; from then on, what is shown now is remembered instead.</span>
            <button type="button" className="button" onClick={() => void onDismiss()}>
              End it
            </button>
            <button type="button" className="button" onClick={() => setAsking(false)}>
              Keep it
            </button>
          </p>
        ) : (
          <button type="button" className="button" onClick={() => setAsking(true)}>
            It was explained…
          </button>
        )}
      </div>
    </section>
  )
}
