import { type Bytes, parseBase64 } from '@ledgerstone/core/bytes'
import type { DeskOpened } from '../desk/desk-api.ts'
import { contentOf, type Opened } from './open-block.ts'

/** A record that the desk has verified and opened, as the page shows records. */
export function openedAtDesk(opened: DeskOpened, key: string): Opened {
  const { record, media, sender, unauthenticated, suspect } = opened
  const bytes: Bytes = parseBase64(record, 'the record')
  return { ...contentOf(bytes), media, ...(!unauthenticated && { sender }), key, suspect }
}
