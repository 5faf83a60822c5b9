import { type ReactNode, useId } from 'react'
import { formatSpan, formatTime } from '../../ui/time.tsx'
import { describeGrowth, drawGrowth, type Point } from './growth.ts'

const width = 480
const height = 88

/** Blocks over time. The words say what the line shows. */
export function GrowthChart({ points }: { readonly points: readonly Point[] }): ReactNode {
  const titleId = useId()
  const drawing = drawGrowth(points, width, height)
  const [from, to] = drawing === undefined ? [] : formatSpan(drawing.fromMs, drawing.toMs)
  return (
    <figure className="growth">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={titleId}>
        <title id={titleId}>{describeGrowth(points, formatTime)}</title>
        <path className="growth-rule" d={`M0 ${height / 2}H${width}`} />
        {drawing !== undefined && (
          <>
            <path className="growth-area" d={drawing.area} />
            <path className="growth-line" d={drawing.line} />
          </>
        )}
      </svg>
      <figcaption aria-hidden="true">
        {drawing === undefined ? (
          <span>Nothing to draw yet</span>
        ) : (
          <>
            <span>{from}</span>
            <span>{to}</span>
          </>
        )}
      </figcaption>
    </figure>
  )
}
