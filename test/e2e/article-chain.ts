// A chain as the article's proof of concept wrote it: made here by its own rules, with nothing of
// Ledgerstone.
import {
  constants,
  createCipheriv,
  createHash,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto'

type Original = { readonly record: string; readonly metainfo: string }

/** The payload text. Each record has a content key of its own, or all have `sharedKey`. */
export function writeArticleChain(
  originals: readonly Original[],
  sender: KeyObject,
  receiver: KeyObject,
  sharedKey?: Uint8Array,
): string {
  let prevhash = '0'.repeat(64)
  const blockchain = originals.map(({ record, metainfo }, index) => {
    const key = sharedKey ?? randomBytes(32)
    const iv = randomBytes(16)
    const cipher = createCipheriv('aes-256-cfb', key, iv)
    const ciphertext = cipher.update(Buffer.from(record).toString('base64'), 'latin1')
    const oaep = { key: receiver, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' }
    const block = {
      index,
      metainfo,
      objecta: sign('sha256', key, sender).toString('base64'),
      objectb: Buffer.concat([iv, ciphertext, cipher.final()]).toString('hex'),
      objectc: publicEncrypt(oaep, key).toString('hex'),
      timestamp: `2020-03-05 16:04:${String(10 + index)}.496752204 +0000 UTC m=+67055.766649167`,
    }
    const hashed = [String.fromCodePoint(index), block.timestamp, block.objecta, block.objectb, block.objectc]
    const hash = createHash('sha256')
      .update([...hashed, prevhash].join(''))
      .digest('hex')
    const linked = { ...block, hash, prevhash }
    prevhash = hash
    return linked
  })
  const head = { name: 'Blockchain', statuscode: '200', status: 'OK', message: 'processed succesfully' }
  return JSON.stringify({ ...head, blockchain }, null, 1)
}
