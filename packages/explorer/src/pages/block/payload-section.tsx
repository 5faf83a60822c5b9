import type { ArticleBlock } from '@ledgerstone/core/article'
import type { ReactNode } from 'react'
import type { Payload } from '../../proof/read-block.ts'
import { Hash } from '../../ui/hash.tsx'
import { SafeText } from '../../ui/safe-text.tsx'

const ivHex = 32

/** What each part is for. */
const says: Record<keyof ArticleBlock, string> = {
  index: "The block's place in its bucket, counted from 0. The entry names it, so the hash covers " + 'it.',
  metainfo:
    'Labels in clear: what kind of data it is, who asked for it, small fields to find it by. ' +
    "Covered by the envelope's digest.",
  objecta:
    'Key signature: the sender has signed the fresh key that encrypts this one record (RSASSA-' +
    'PKCS1-v1_5 with SHA-256; base64). Checked before the record is shown.',
  objectb:
    'The encrypted record (AES-256-CFB, hexadecimal): the first 16 bytes are the initialisation ' +
    'vector, the rest is ciphertext.',
  objectc:
    "Wrapped key: the record's key, encrypted for a receiver (RSA-OAEP with SHA-512; " +
    "hexadecimal). Only that receiver's private key unwraps it.",
  timestamp: 'When the ledger took the block, by its clock, never before the block in front of it.',
  hash: "SHA-256 of a zero byte and the entry's bytes: the leaf of the Merkle tree (RFC 6962).",
  prevhash:
    'The hash of the block before; it stands inside this entry, so that the chain holds ' + 'together.',
}

/** The block in the shape of the article, each part with what it is for. */
export function PayloadSection({ payload }: { readonly payload: Payload }): ReactNode {
  const { article, suite } = payload
  return (
    <section className="card" aria-labelledby="payload-heading">
      <h2 id="payload-heading">Payload</h2>
      {suite === 'article-block' && (
        <p className="warning">
          An imported block of another chain, kept as it was. Nothing shows who wrote it: it is
          unauthenticated.
        </p>
      )}
      <dl className="payload">
        <Part name="index">{article.index}</Part>
        <Part name="metainfo">
          <SafeText text={article.metainfo} />
        </Part>
        <Part name="objecta">
          <Long text={article.objecta} />
        </Part>
        <Part name="objectb">
          <Ciphertext payload={payload} />
        </Part>
        <Part name="objectc">
          <WrappedKeys payload={payload} />
        </Part>
        <Part name="timestamp">{article.timestamp}</Part>
        <Part name="hash">
          <Hash value={article.hash} full />
        </Part>
        <Part name="prevhash">
          <Hash value={article.prevhash} full />
        </Part>
      </dl>
      <p className="aside">
        The article's shape, for reading. What Verify checks is the entry's own bytes and the whole envelope.
      </p>
    </section>
  )
}

function Part(props: { readonly name: keyof ArticleBlock; readonly children: ReactNode }): ReactNode {
  return (
    <div className="part">
      <dt>
        <code>{props.name}</code>
      </dt>
      <dd>
        <p className="part-says">{says[props.name]}</p>
        <div className="part-value">{props.children}</div>
      </dd>
    </div>
  )
}

function Ciphertext({
  payload: { article, ciphertextBytes, suite },
}: {
  readonly payload: Payload
}): ReactNode {
  const { objectb } = article
  if (objectb === '') return <Absent />
  const rest = ciphertextBytes - objectb.length / 2
  const hasVector = suite !== undefined
  return (
    <code className="breaking">
      {hasVector && <span className="part-iv">{objectb.slice(0, ivHex)}</span>}
      {objectb.slice(hasVector ? ivHex : 0)}
      {suite === 'rsa-aes-cfb' && rest > 0 && ` … ${rest.toLocaleString('en')} bytes more`}
    </code>
  )
}

function WrappedKeys({ payload: { article, receivers } }: { readonly payload: Payload }): ReactNode {
  if (receivers.length === 0) return <Long text={article.objectc} />
  return (
    <ul className="plain-list">
      {receivers.map(({ kid, objectc }) => (
        <li key={kid}>
          for the receiver with the key <Hash value={kid} />: <code className="breaking">{objectc}</code>
        </li>
      ))}
    </ul>
  )
}

function Long({ text }: { readonly text: string }): ReactNode {
  return text === '' ? (
    <Absent />
  ) : (
    <code className="breaking">
      <SafeText text={text} />
    </code>
  )
}

function Absent(): ReactNode {
  return <span className="aside">none in this block</span>
}
