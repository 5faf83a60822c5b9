// `keys list` and `keys history`: the registry as this computer has replayed it from the pinned genesis.
import { formatHex } from '@ledgerstone/core/bytes'
import {
  keyHistory as historyOf,
  type KeyEvent,
  type KeyLife,
  keyLife,
  keyLives,
  type PendingChange,
  pendingChanges,
} from '@ledgerstone/core/key-life'
import { viewEvent, viewKey, viewPending } from '@ledgerstone/core/key-view'
import { describePolicy } from '@ledgerstone/core/policy'
import type { Request } from '@ledgerstone/core/registry-change'
import { formatTime } from '@ledgerstone/core/time'
import { type CommonOptions, connect } from '../connect.ts'
import { counted, outputOf } from '../output.ts'

export type ListKeysOptions = CommonOptions & {
  readonly owner?: string
  readonly purpose?: string
  readonly state?: string
}

export async function listKeys(options: ListKeysOptions): Promise<void> {
  const { follower, trust } = connect(options, 'read:keys')
  const { registry, asOf } = await follower.refresh()
  const keys = keyLives(registry, Date.now()).filter((key) => isWanted(key, options))
  const pending = pendingChanges(registry)
  const report = {
    ...{ size: registry.size, threshold: registry.threshold, asOf: formatTime(asOf) },
    ...{ keys: keys.map(viewKey), pending: pending.map(viewPending) },
  }
  outputOf(options).result(
    report,
    [
      ...table(keys.map(rowOf)),
      ...pending.map((each) => `\n${describePending(each)}`),
      '',
      `${counted(keys.length, 'key')} by ${counted(registry.size, 'final block')} of keys, ` +
        `as of ${formatTime(asOf)}; a change needs ${counted(registry.threshold, 'registrar')}`,
      `replayed here from the pinned genesis; ${describePolicy(trust.policy)}`,
    ].join('\n'),
  )
}

export async function keyHistory(kid: string, options: CommonOptions): Promise<void> {
  const { follower, trust } = connect(options, 'read:keys')
  const { registry } = await follower.refresh()
  const life = keyLife(registry, kid, Date.now())
  const events = historyOf(registry, kid)
  const report = { ...viewKey(life), threshold: registry.threshold, history: events.map(viewEvent) }
  const lines = [
    ...table([rowOf(life)]),
    ...aboutEnd(life),
    '',
    ...events.map(describeEvent),
    ...life.pending.map((each) => `\n${describePending(each)}`),
    '',
    `replayed here from the pinned genesis; ${describePolicy(trust.policy)}`,
    'the proof of one block: ledgerstone evidence keys INDEX',
  ]
  outputOf(options).result(report, lines.join('\n'))
}

function isWanted(
  key: KeyLife,
  { owner = key.owner, purpose = key.purpose, state = key.state }: ListKeysOptions,
): boolean {
  const isInState = state === 'expiring' ? key.expiresSoon : state === key.state
  return owner === key.owner && purpose === key.purpose && isInState
}

function rowOf(key: KeyLife): readonly string[] {
  const { kid, owner, purpose, roles, kind, state, expiresSoon, effective, notAfter } = key
  const role = roles.length > 0 ? ` (${roles.join(', ')})` : ''
  const since = effective === undefined ? '-' : `block ${effective}`
  const until = notAfter === undefined ? '' : `until ${formatTime(notAfter)}`
  return [kid, owner, `${purpose}${role}`, kind, expiresSoon ? 'active, expiring soon' : state, since, until]
}

/** Columns as wide as what is in them. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const all = [['FINGERPRINT', 'OWNER', 'PURPOSE', 'KIND', 'STATE', 'SINCE', ''], ...rows]
  const widths = all.reduce<readonly number[]>(
    (widest, row) => row.map((cell, i) => Math.max(cell.length, widest[i] ?? 0)),
    [],
  )
  return all.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function aboutEnd({ revoked, replaced }: KeyLife): readonly string[] {
  const lines: string[] = []
  if (replaced !== undefined) lines.push(`replaced in block ${replaced.index} by ${replaced.by}`)
  if (revoked === undefined) return lines
  const { index, reason, suspectFrom } = revoked
  const suspect = suspectText(';', suspectFrom)
  return [...lines, `revoked in block ${index}: ${JSON.stringify(reason)}${suspect}`]
}

function describeEvent({
  index,
  time,
  kind,
  signer,
  approves,
  counts,
  missing,
  hash,
  request,
}: KeyEvent): string {
  const asked = kind === 'genesis' ? 'signed by' : 'asked by'
  const did = approves === undefined ? asked : 'approved by'
  const what = request === undefined ? kind : describeRequest(request)
  const effect = counts ? 'counts' : `${missing} more to approve`
  return [
    `block ${index}  ${formatTime(time)}  ${what}`,
    `    ${did} ${signer.owner} (${signer.kid}): ${effect}`,
    `    hash ${formatHex(hash)}`,
  ].join('\n')
}

function describePending({ id, request, missing }: PendingChange): string {
  return [
    `WAITING for ${missing} more: ${describeRequest(request)}`,
    `    asked or approved by ${request.owners.join(', ')} since block ${request.index}`,
    `    ledgerstone keys approve ${id}`,
  ].join('\n')
}

/** After `mark`; nothing where no time is named. */
export function suspectText(mark: ',' | ';', suspectFrom: number | undefined): string {
  return suspectFrom === undefined ? '' : `${mark} suspect from ${formatTime(suspectFrom)} on`
}

/** On one line. Reasons are somebody's text: they are quoted, and cannot draw on the terminal. */
export function describeRequest(request: Request): string {
  switch (request.kind) {
    case 'register': {
      const { kid, owner, purpose, roles, assurance } = request.registration
      const role = roles.length > 0 ? `, ${roles.join(', ')}` : ''
      const what = `${kid} of ${owner} to ${purpose}${role} (${assurance})`
      return request.replaces === undefined ? `register ${what}` : `rotate ${request.replaces} to ${what}`
    }
    case 'revoke': {
      const suspect = suspectText(',', request.suspectFrom)
      return `revoke ${request.kid}${suspect}: ${JSON.stringify(request.reason)}`
    }
    case 'log-keys':
      return `log keys of ${request.log}`
    case 'policy':
      return `policy ${formatHex(request.digest)}`
  }
}
