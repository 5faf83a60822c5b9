import { formatHex } from '@ledgerstone/core/bytes'
import { checkBucketName, isReservedBucket } from '@ledgerstone/core/names'
import { describePolicy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import { dataFolder } from '../data-folder.ts'
import { createDataFolder, defaultBuckets } from '../embedded/create.ts'
import { outputOf } from '../output.ts'

export type InitOptions = {
  readonly data: string
  readonly name?: string
  readonly port: number
  readonly bucket?: readonly string[]
  readonly registrar?: readonly string[]
  readonly threshold?: number
  readonly json?: boolean
}

export async function init(options: InitOptions): Promise<void> {
  const buckets = [...new Set([...defaultBuckets, ...(options.bucket ?? [])])]
  for (const bucket of buckets) {
    if (isReservedBucket(checkBucketName(bucket)))
      throw new Refused('reserved', `${bucket} is a reserved name`)
  }
  const url = `http://127.0.0.1:${options.port}`
  const name = options.name === undefined ? {} : { name: options.name }
  const { registrar: registrars = [], threshold = 1 } = options
  const made = { path: options.data, url, buckets, registrars, threshold, now: Date.now, ...name }
  const trust = await createDataFolder(made)
  const { trust: path, root, registrarKeyOf } = dataFolder(options.data)
  const genesis = formatHex(trust.genesis)
  const policy = describePolicy(trust.policy)
  outputOf(options).result(
    { ledger: trust.ledger, genesis, policy, trust: path, data: root, buckets },
    [
      `ledger     ${trust.ledger}`,
      `genesis    ${genesis}`,
      `policy     ${policy}`,
      `trust file ${path}   hand it to everyone who verifies, by a way of their own`,
      `buckets    keys, ${buckets.join(', ')}`,
      ...registrars.map((owner) => `registrar  ${owner}: ${registrarKeyOf(owner)}   move it to its owner`),
    ].join('\n'),
  )
}
