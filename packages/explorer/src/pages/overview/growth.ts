// How a bucket has grown, out of the times of a few of its blocks.

export type Point = { readonly timeMs: number; readonly count: number }

const samplesMax = 24

/**
 * Which blocks to look at. Multiples of a power of two, so that a bucket that grows asks for few new ones,
 * and the newest.
 */
export function sampleIndexes(size: number): readonly number[] {
  if (size === 0) return []
  let step = 1
  while (size / step > samplesMax) step *= 2
  const indexes = Array.from({ length: Math.ceil(size / step) }, (_, i) => i * step)
  return indexes.at(-1) === size - 1 ? indexes : [...indexes, size - 1]
}

/** `line` and `area` as paths of SVG within `width` and `height`; `fromMs` and `toMs`: its ends. */
export type Drawing = {
  readonly line: string
  readonly area: string
  readonly fromMs: number
  readonly toMs: number
}

/** Undefined for less than two points: nothing has grown yet. */
export function drawGrowth(points: readonly Point[], width: number, height: number): Drawing | undefined {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || points.length < 2) return undefined
  const spanMs = Math.max(1, last.timeMs - first.timeMs)
  const places = points.map(({ timeMs, count }) => {
    const x = ((timeMs - first.timeMs) / spanMs) * width
    return `${x.toFixed(1)} ${(height - (count / last.count) * height).toFixed(1)}`
  })
  const line = `M${places.join('L')}`
  return {
    line,
    area: `${line}L${width} ${height}L0 ${height}Z`,
    fromMs: first.timeMs,
    toMs: last.timeMs,
  }
}

/** In words, for those who do not see it. */
export function describeGrowth(points: readonly Point[], format: (ms: number) => string): string {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return 'No blocks yet.'
  const half = points.find(({ count }) => count >= last.count / 2) ?? last
  const count = last.count.toLocaleString('en')
  const [from, to, halfAt] = [first, last, half].map(({ timeMs }) => format(timeMs))
  return `${count} blocks between ${from} and ${to}; half of them by ${halfAt}.`
}
