import { type ReactNode, useId } from 'react'
import { formatSpan, formatTime } from '../../ui/time.tsx'
import { describeGrowth, drawGrowth, type Point } from './growth.ts'

const width = 480
const height = 88

/** Blocks over time, in its place while they are on their way. The words say what the line shows. */
export function GrowthChart(props: { readonly points: readonly Point[] | undefined }): ReactNode {
  const { points } = props
  const titleId = useId()
  const drawing = points && drawGrowth(points, width, height)
  const [from, to] = drawing === undefined ? [] : formatSpan(drawing.fromMs, drawing.toMs)
  return (
    <figure className="growth">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={titleId}>
        <title id={titleId}>
          {points === undefined ? 'Growth, loading' : describeGrowth(points, formatTime)}
        </title>
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
          <span>{points === undefined ? '\u00a0' : 'Nothing to draw yet'}</span>
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
