/** Alarms were raised; or one was dismissed, and what it stood on is forgotten. */
export type ProofNews = 'alarms' | 'dismissed'

/** By which tabs of this page tell each other that alarms were raised or dismissed. */
export function proofChannel(): BroadcastChannel {
  return new BroadcastChannel('ledgerstone-proof')
}
