// What all routes of the desk work with.
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import type { Memory } from '@ledgerstone/client/memory'
import { RegistryFollower } from '@ledgerstone/client/registry'
import { staticToken } from '@ledgerstone/client/token'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import type { Trust } from '@ledgerstone/core/trust'
import type { FastifyRequest } from 'fastify'
import type { DataFolder } from '../data-folder.ts'
import { fileMemory } from '../file-memory.ts'
import type { Upstream } from './forward.ts'

export type DeskService = {
  readonly folder: DataFolder
  readonly trust: Trust
  readonly memory: Memory
  readonly upstream: Upstream
  /** Reads with the token of the page's newest request. */
  readonly follower: RegistryFollower
  /** The newest token that the page has sent; only in memory. */
  readonly token: { text: string | undefined }
  readonly now: () => number
}

export type Reader = {
  readonly api: LedgerApi
  readonly trust: Trust
  readonly follower: RegistryFollower
  readonly memory: Memory
}

export function deskService(
  options: Pick<DeskService, 'folder' | 'trust' | 'upstream' | 'now'>,
): DeskService {
  const { folder, trust, upstream, now } = options
  const memory = fileMemory(folder.memory)
  const token: DeskService['token'] = { text: undefined }
  const source = async (): Promise<string> => token.text ?? ''
  const { log } = ledgerApi({ url: upstream.ledger, fetch: upstream.fetch, token: source })
  const follower = new RegistryFollower({ trust, reader: log(keysBucket), memory, now })
  return { ...options, memory, token, follower }
}

/** The services with the token of this request: the desk has none of its own. Throws `no-token`. */
export function readerFor(desk: DeskService, request: FastifyRequest): Reader {
  const text = bearerOf(request)
  desk.token.text = text
  const { upstream, trust, follower, memory } = desk
  const api = ledgerApi({ url: upstream.ledger, fetch: upstream.fetch, token: staticToken(text) })
  return { api, trust, follower, memory }
}

/** The access token that the page sends. Throws `no-token`. */
export function bearerOf({ headers }: FastifyRequest): string {
  const text = /^Bearer ([\x21-\x7e]+)$/.exec(headers.authorization ?? '')?.[1]
  if (text === undefined) throw new Refused('no-token', 'sign in first')
  return text
}
