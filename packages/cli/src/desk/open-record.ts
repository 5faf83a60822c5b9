// GET /desk/keys and POST /desk/open: a record is verified and opened in the desk's own process, by the
// pinned trust file and with a key that never leaves it.
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import { openBlock, readEnvelope, readVerified } from '@ledgerstone/client/open'
import type { UnauthenticatedRecord } from '@ledgerstone/core/article'
import type { Labels } from '@ledgerstone/core/labels'
import { type OpenedRecord, openerOf } from '@ledgerstone/core/open'
import { describePolicy } from '@ledgerstone/core/policy'
import { formatTime } from '@ledgerstone/core/time'
import { listKeyFiles, readListedKey } from './key-files.ts'
import { type DeskService, readerFor } from './service.ts'

const asked = Type.Object(
  {
    bucket: Type.String({ maxLength: 63 }),
    index: Type.Integer({ minimum: 0 }),
    key: Type.String({ maxLength: 300, description: 'a name of GET /desk/keys' }),
    passphrase: Type.Optional(Type.String({ maxLength: 1024 })),
  },
  { additionalProperties: false },
)

export function addOpening(app: App, desk: DeskService): void {
  app.get('/desk/keys', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ keys: await listKeyFiles(desk.folder.root) }),
  )

  app.post('/desk/open', { schema: { body: asked } }, async (request, reply) => {
    const { bucket, index, key, passphrase } = request.body
    const { pkcs8 } = await readListedKey(desk.folder.root, key, passphrase)
    const opener = await openerOf(pkcs8)
    const reader = readerFor(desk, request)
    const verified = await readVerified(reader, bucket, index)
    const envelope = await readEnvelope(reader.api, verified)
    const opened = await openBlock(verified, envelope, opener)
    const { block, judged, suspect, checkpoint } = verified
    return reply.header('cache-control', 'no-store').send({
      bucket,
      index,
      time: formatTime(block.time),
      type: judged.statement.payload.type,
      sender: judged.key.owner,
      suspect,
      quorum: checkpoint.quorum,
      policy: describePolicy(desk.trust.policy),
      ...describe(opened, envelope.labels),
    })
  })
}

/** `record` in base64; `original`: the index in an imported chain, of whose writer nothing is known. */
function describe(opened: OpenedRecord | UnauthenticatedRecord, labels: Labels): object {
  const record = opened.record.toBase64()
  if ('unauthenticated' in opened) {
    return { record, media: labels.media, unauthenticated: true, original: opened.block.index }
  }
  return { record, media: labels.media, unauthenticated: false, id: opened.id, actor: labels.actor ?? null }
}
