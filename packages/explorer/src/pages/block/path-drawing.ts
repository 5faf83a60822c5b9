// Where the nodes of an inclusion path stand in its drawing: the leaf at the bottom, the root at the top,
// each sibling on its side.
import type { PathView } from '../../proof/views.ts'

export type DrawnNode = {
  readonly key: string
  readonly hash: string
  readonly role: 'leaf' | 'node' | 'sibling' | 'root' | 'expected'
  readonly x: number
  readonly y: number
  /** Whether what is drawn here was computed on the way to the checkpoint's root. */
  readonly sound: boolean
}

export type DrawnEdge = {
  readonly key: string
  readonly from: readonly [number, number]
  readonly to: readonly [number, number]
  readonly sound: boolean
}

export type Drawing = {
  readonly width: number
  readonly height: number
  readonly nodes: readonly DrawnNode[]
  readonly edges: readonly DrawnEdge[]
  readonly sound: boolean
}

export const box: { readonly width: number; readonly height: number } = { width: 108, height: 26 }
const [middle, side, rise, margin] = [180, 122, 58, 20]

/** The path ends in the checkpoint's root, or else in another node, which is drawn below the root. */
export function drawPath({ leaf, root, steps }: PathView): Drawing {
  const sound = (steps.at(-1)?.node ?? leaf) === root
  const rows = steps.length + (sound ? 0 : 1)
  const height = 2 * margin + box.height + rows * rise
  const yOf = (row: number): number => height - margin - box.height / 2 - row * rise
  const nodes: DrawnNode[] = [{ key: 'leaf', hash: leaf, role: 'leaf', x: middle, y: yOf(0), sound }]
  const edges: DrawnEdge[] = []
  for (const [i, step] of steps.entries()) {
    const x = step.side === 'left' ? middle - side : middle + side
    const [here, above] = [yOf(i), yOf(i + 1)]
    const role = sound && i === steps.length - 1 ? 'root' : 'node'
    nodes.push({ key: `sibling-${i}`, hash: step.sibling, role: 'sibling', x, y: here, sound: true })
    nodes.push({ key: `node-${i}`, hash: step.node, role, x: middle, y: above, sound })
    edges.push({ key: `path-${i}`, from: [middle, here], to: [middle, above], sound })
    edges.push({ key: `edge-${i}`, from: [x, here], to: [middle, above], sound })
  }
  if (!sound) {
    nodes.push({ key: 'root', hash: root, role: 'expected', x: middle, y: yOf(rows), sound: true })
  }
  return { width: 2 * middle, height, nodes, edges, sound }
}
