// C2SP tlog-tiles under /log/{bucket}/: static data that any cache may keep, and the one thing that changes.
import { content, refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import { Refused } from '@ledgerstone/core/refused'
import { parseTilePath, type TileName } from '@ledgerstone/core/tile'
import { readTile } from '@ledgerstone/log/read'
import { allowTiles } from '../access.ts'
import type { Service } from '../service.ts'
import { octets, text } from '../shapes.ts'

export function addLog(app: App, service: Service): void {
  const { log, logPublic } = service
  const cached = `${logPublic ? 'public' : 'private'}, max-age=31536000, immutable`
  const none = Type.Object({}, { additionalProperties: false })

  app.get(
    '/log/:bucket/checkpoint',
    {
      schema: {
        operationId: 'readCheckpoint',
        summary: 'The newest final checkpoint',
        tags: ['log'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: none,
        response: { 200: content('text/plain', text, 'A signed note'), ...refusals },
      },
      onRequest: allowTiles(service),
    },
    async (request, reply) => {
      const { name, final } = log.bucket(request.params.bucket)
      if (final === undefined) throw new Refused('unknown-block', `${name} has no final checkpoint yet`)
      reply.header('content-type', 'text/plain; charset=utf-8').header('cache-control', 'no-store')
      return final.checkpoint
    },
  )

  app.get(
    '/log/:bucket/tile/*',
    {
      schema: {
        operationId: 'readTile',
        summary: 'A tile of hashes, or a bundle of entries',
        description:
          '`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, N as in `x001/x234/067`, of any width up to the ' +
          'committed one.',
        tags: ['log'],
        params: Type.Object({ bucket: Type.String(), '*': Type.String() }),
        querystring: none,
        response: { 200: content('application/octet-stream', octets, 'Hashes, or entries'), ...refusals },
      },
      onRequest: allowTiles(service),
    },
    async (request, reply) => {
      const { bucket: name, '*': rest } = request.params
      const tile = await readTile(log.bucket(name), tileOf(rest))
      reply.header('content-type', 'application/octet-stream').header('cache-control', cached)
      return Buffer.from(tile.buffer, tile.byteOffset, tile.byteLength)
    },
  )
}

/** To readers a log is a folder of files: a path that is not a tile's is one that is not there. */
function tileOf(path: string): TileName {
  try {
    return parseTilePath(`tile/${path}`)
  } catch (cause) {
    throw new Refused('unknown-route', 'there is no such tile', { cause })
  }
}
