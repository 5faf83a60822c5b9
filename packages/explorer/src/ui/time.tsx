import { type ReactNode, useSyncExternalStore } from 'react'

const format = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})

/** In the person's own time zone, which is named. */
export function formatTime(ms: number): string {
  return format.format(ms)
}

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})
const day = new Intl.DateTimeFormat('en-GB', { year: 'numeric', month: 'short', day: 'numeric' })
const bareClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** Two ends of a span, in few characters: the day once when it is one, the zone once. */
export function formatSpan(fromMs: number, toMs: number): readonly [from: string, to: string] {
  const isOneDay = day.format(fromMs) === day.format(toMs)
  return isOneDay
    ? [`${day.format(fromMs)}, ${bareClock.format(fromMs)}`, clock.format(toMs)]
    : [day.format(fromMs), day.format(toMs)]
}

/** The person's own time zone, by its name at that time: CET in winter, CEST in summer. */
export function zoneAt(ms: number): string {
  return format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? 'your own zone'
}

/** Milliseconds since 1970, in the person's own time zone, which is named. */
export function Time({ ms }: { readonly ms: number }): ReactNode {
  if (!Number.isFinite(ms)) return 'no time'
  return (
    <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toISOString()}>
      {format.format(ms)}
    </time>
  )
}

/** How long ago that is, kept up to date; the exact time as its title. */
export function Ago({ ms }: { readonly ms: number }): ReactNode {
  const now = useSyncExternalStore(subscribe, () => Math.floor(Date.now() / tickMs) * tickMs)
  return (
    <time dateTime={new Date(ms).toISOString()} title={format.format(ms)}>
      {agoText(now - ms)}
    </time>
  )
}

const tickMs = 5000

function subscribe(onTick: () => void): () => void {
  const timer = setInterval(onTick, tickMs)
  return () => clearInterval(timer)
}

function agoText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 10) return 'just now'
  const steps = [
    [60, 1, 's'],
    [3600, 60, 'min'],
    [86_400, 3600, 'h'],
    [Number.POSITIVE_INFINITY, 86_400, 'd'],
  ] as const
  const [, size, unit] = steps.find(([below]) => seconds < below) ?? steps[3]
  return `${Math.floor(seconds / size)} ${unit} ago`
}
