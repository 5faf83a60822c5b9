import { type ReactNode, useId } from 'react'
import type { PathView } from '../../proof/views.ts'
import { box, type DrawnNode, drawPath } from './path-drawing.ts'
import './block.css'

/** The way from the block up to the checkpoint's root, drawn, and as a list for those who cannot see it. */
export function InclusionPath({ path }: { readonly path: PathView }): ReactNode {
  const id = useId()
  const { width, height, nodes, edges, sound } = drawPath(path)
  const size = path.size.toLocaleString('en')
  const title = sound
    ? `${path.steps.length} hashes lead from block ${path.index} to the root of ${size} blocks`
    : `the hashes from block ${path.index} do not lead to the root of ${size} blocks`
  return (
    <figure className="inclusion-path" data-sound={sound}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-labelledby={id}>
        <title id={id}>{title}</title>
        {edges.map(({ key, from, to, sound: isSound }) => (
          <line key={key} x1={from[0]} y1={from[1]} x2={to[0]} y2={to[1]} data-sound={isSound} />
        ))}
        {nodes.map((node) => (
          <PathNode key={node.key} node={node} />
        ))}
      </svg>
      <figcaption>
        {sound ? '✓' : '✗'} {title}.
      </figcaption>
      <details>
        <summary>The path as a list</summary>
        <ol className="inclusion-path-list">
          <li>
            block {path.index}: <code>{path.leaf}</code>
          </li>
          {path.steps.map(({ sibling, side, node }) => (
            <li key={`${sibling}-${node}`}>
              with <code>{sibling}</code> on the {side}: <code>{node}</code>
            </li>
          ))}
          <li>
            root of the checkpoint: <code>{path.root}</code>
          </li>
        </ol>
      </details>
    </figure>
  )
}

const names: Record<DrawnNode['role'], string> = {
  leaf: 'block ',
  node: '',
  sibling: '',
  root: 'root ',
  expected: 'root ',
}

function PathNode({ node: { hash, role, x, y, sound } }: { readonly node: DrawnNode }): ReactNode {
  const left = x - box.width / 2
  return (
    <g data-role={role} data-sound={sound}>
      <rect x={left} y={y - box.height / 2} width={box.width} height={box.height} rx={6} />
      <text x={x} y={y} textAnchor="middle" dominantBaseline="central">
        {names[role]}
        {hash.slice(0, 8)}
      </text>
    </g>
  )
}
