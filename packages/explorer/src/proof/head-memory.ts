// The newest final head of each log, in the browser's database, and the alarms when one was not continued.
import type { Memory } from '@ledgerstone/client/memory'
import type { Refused } from '@ledgerstone/core/refused'
import type { Alarm, Database } from './database.ts'

/** One memory over all tabs: comparing and writing are one transaction. */
export function storedMemory(database: Database, now: () => number): Memory {
  return {
    async read(key) {
      return (await database.get('heads', key))?.checkpoint
    },
    async write(key, size, checkpoint, before) {
      const transaction = database.transaction('heads', 'readwrite')
      const old = await transaction.store.get(key)
      const isAsCompared = old?.checkpoint === before
      if (isAsCompared) await transaction.store.put({ size, checkpoint, since: old?.since ?? now() }, key)
      await transaction.done
      return isAsCompared
    },
  }
}

/** What is no failure of a check but a history that should not be. */
export function isAlarm({ code }: Refused): boolean {
  return code === 'rolled-back' || code === 'forked' || code === 'wrong-ledger'
}

/** Keeps the first alarm of a log until it is dismissed; that it is still so is nothing new. */
export async function raise(database: Database, alarm: Alarm): Promise<void> {
  const transaction = database.transaction(['alarms', 'heads'], 'readwrite')
  const alarms = transaction.objectStore('alarms')
  const old = await alarms.get(alarm.key)
  if (old === undefined || old.dismissedAt !== undefined) {
    const remembered = (await transaction.objectStore('heads').get(alarm.key))?.checkpoint
    await alarms.put({ ...alarm, ...(remembered !== undefined && { remembered }) })
  }
  await transaction.done
}

/** Alarms that no person has dismissed, the oldest first. */
export async function readAlarms(database: Database): Promise<readonly Alarm[]> {
  const alarms = await database.getAll('alarms')
  return alarms
    .filter(({ dismissedAt }) => dismissedAt === undefined)
    .toSorted((a, b) => a.raisedAt - b.raisedAt)
}

/** Ends an alarm and forgets what it was raised by, so that what is shown from now on is remembered. */
export async function dismiss(database: Database, key: string, at: number): Promise<void> {
  const transaction = database.transaction(['alarms', 'heads', 'settings'], 'readwrite')
  const alarm = await transaction.objectStore('alarms').get(key)
  if (alarm !== undefined) await transaction.objectStore('alarms').put({ ...alarm, dismissedAt: at })
  await transaction.objectStore('heads').delete(key)
  if (key === ledgerKey) await transaction.objectStore('settings').delete('genesis')
  await transaction.done
}

/** The alarm that this address shows another ledger than before. */
export const ledgerKey = 'ledger'
