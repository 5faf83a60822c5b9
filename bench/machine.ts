// What a number depends on beside the code: printed with every run, because it means nothing without.
import { open, rm } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { medianOf } from './rounds.ts'

const syncs = 200
const blockBytes = 4096

/** Processor, cores, Node, how busy the machine is, and what a durable write to this folder takes. */
export async function describeMachine(folder: string): Promise<string> {
  const model = cpus()[0]?.model.replaceAll(/\s+/g, ' ').trim() ?? 'unknown processor'
  const load = (loadavg()[0] ?? 0).toFixed(1)
  const ms = await measureSync(folder)
  return (
    `${model}, ${availableParallelism()} cores (load ${load} before), Node ${process.version}, ` +
    `${ms.toFixed(2)} ms for a write of 4 KiB and fdatasync in ${folder}`
  )
}

/** Milliseconds, the median of many. A disk that needs none keeps nothing through a power cut. */
async function measureSync(folder: string): Promise<number> {
  const path = join(folder, 'fdatasync')
  const times: number[] = []
  await using file = await open(path, 'w')
  const block = Buffer.alloc(blockBytes, 1)
  for (let i = 0; i < syncs; i++) {
    const began = performance.now()
    await file.write(block)
    await file.datasync()
    times.push(performance.now() - began)
  }
  await rm(path)
  return medianOf(times)
}
