/*
 * The payload of the article's proof of concept, and chains that it wrote.
 *
 *     {"name", "statuscode", "status", "message",
 *      "blockchain": [{"index", "metainfo", "objecta", "objectb", "objectc", "timestamp", "hash",
 *                      "prevhash"}, ...]}
 *
 * There, hash = hex SHA-256 of the UTF-8 of: the character whose code point is the index, timestamp, objecta,
 * objectb, objectc, prevhash, one after the other. Metainfo is outside the hash and the joints are ambiguous,
 * so all that it can show is that a chain is *consistent by the article's rule (weak)*.
 */
import { sha256 } from '#primitives'
import type { Block } from './block.ts'
import { type Bytes, concat, formatBase64, formatHex, type Hash, parseHex, textOf, utf8 } from './bytes.ts'
import { integerMember, isObject, membersOf, parseJson, textMember } from './canonical.ts'
import type { Envelope } from './envelope.ts'
import { elementSources, memberSources } from './json-source.ts'
import { formatLabels } from './labels.ts'
import type { Opener } from './open.ts'
import { Refused } from './refused.ts'
import { suiteNamed } from './suites.ts'
import { formatTime } from './time.ts'

export type ArticleBlock = {
  readonly index: number
  readonly metainfo: string
  /** Key signature, base64. */
  readonly objecta: string
  /** IV and ciphertext, hexadecimal. */
  readonly objectb: string
  /** Wrapped key, hexadecimal. */
  readonly objectc: string
  readonly timestamp: string
  readonly hash: string
  readonly prevhash: string
}

/** An original block with its source text, byte for byte. */
export type ArticleSource = { readonly block: ArticleBlock; readonly source: Bytes }

const members = ['index', 'metainfo', 'objecta', 'objectb', 'objectc', 'timestamp', 'hash', 'prevhash']

/**
 * The blocks of a chain: the article's payload, or the bare list of blocks. Throws `malformed`,
 * `unknown-field`.
 */
export function parseArticleChain(text: string): readonly ArticleSource[] {
  const list = isObject(parseJson(text, 'the chain'))
    ? memberSources(text, 'the chain').get('blockchain')
    : text
  if (list === undefined) throw new Refused('malformed', 'the chain lacks "blockchain"')
  return elementSources(list, 'the chain').map((source) => ({
    block: parseArticleBlock(source),
    source: utf8(source),
  }))
}

export function parseArticleBlock(source: string): ArticleBlock {
  const m = membersOf(parseJson(source, 'the article block'), 'the article block', members)
  memberSources(source, 'the article block')
  const text = (name: string): string => textMember(m[name], name)
  return {
    index: integerMember(m['index'], 'index'),
    metainfo: text('metainfo'),
    objecta: text('objecta'),
    objectb: text('objectb'),
    objectc: text('objectc'),
    timestamp: text('timestamp'),
    hash: text('hash'),
    prevhash: text('prevhash'),
  }
}

/**
 * The hash of a block by the article's rule, hexadecimal. What is no character (a surrogate, a code point
 * outside Unicode) becomes U+FFFD, as in Go, so each part is encoded by itself: two halves of a surrogate
 * pair must not meet.
 */
export function articleHashOf(block: Omit<ArticleBlock, 'hash' | 'metainfo'>): string {
  const { index, timestamp, objecta, objectb, objectc, prevhash } = block
  const character = index <= 0x10ffff ? String.fromCodePoint(index) : '\ufffd'
  const parts = [character, timestamp, objecta, objectb, objectc, prevhash]
  return formatHex(sha256(concat(...parts.map(utf8))))
}

/** What the article's own rule can say of a chain. */
export type ArticleVerdict = {
  readonly verdict: "consistent by the article's rule (weak)"
  readonly blocks: number
  /** Indexes of blocks whose key signature another block has too: they share one content key. */
  readonly reusedKeys: readonly number[]
}

/** Throws `nothing-checked`, `bad-link` naming the first block whose hash or previous hash is wrong. */
export function checkArticleChain(blocks: readonly ArticleBlock[]): ArticleVerdict {
  if (blocks.length === 0) throw new Refused('nothing-checked', 'the chain holds no block')
  const seen = new Map<string, number>()
  for (const [i, block] of blocks.entries()) {
    if (articleHashOf(block) !== block.hash)
      throw new Refused('bad-link', `block ${block.index}: the hash is wrong`)
    const before = blocks[i - 1]
    if (before !== undefined && (block.prevhash !== before.hash || block.index !== before.index + 1)) {
      throw new Refused('bad-link', `block ${block.index} does not follow block ${before.index}`)
    }
    seen.set(block.objecta, (seen.get(block.objecta) ?? 0) + 1)
  }
  const reusedKeys = blocks.filter(({ objecta }) => objecta !== '' && (seen.get(objecta) ?? 0) > 1)
  return {
    verdict: "consistent by the article's rule (weak)",
    blocks: blocks.length,
    reusedKeys: reusedKeys.map(({ index }) => index),
  }
}

/** A record out of an imported block. Nothing shows who wrote it. */
export type UnauthenticatedRecord = {
  readonly record: Bytes
  readonly unauthenticated: true
  readonly block: ArticleBlock
}

/**
 * Decrypts the original block inside an `article-block` envelope with the original receiver's key. The result
 * is unauthenticated, as its type says. Throws `cannot-open`.
 */
export async function openImported(
  envelope: Envelope,
  opener: Pick<Opener, 'unwrap'>,
): Promise<UnauthenticatedRecord> {
  if (envelope.suite !== 'article-block') throw new Refused('cannot-open', 'not an imported block')
  try {
    const block = parseArticleBlock(textOf(envelope.ciphertext, 'the article block'))
    const key = await opener.unwrap(parseHex(block.objectc, 'objectc'))
    const { decrypt } = suiteNamed('rsa-aes-cfb')
    if (decrypt === undefined) throw new Error('the suite cannot open')
    return { record: decrypt(key, parseHex(block.objectb, 'objectb')), unauthenticated: true, block }
  } catch (cause) {
    throw new Refused('cannot-open', 'the imported block cannot be opened with this key', { cause })
  }
}

/**
 * A block in the article's shape, for showing and never for verifying: `hash` and `prevhash` are RFC 6962
 * leaf hashes. `objectc` is the one of `receiver` (kid), or the first. An imported block shows its original
 * parts.
 */
export function articleBlockOf(
  block: Block,
  hash: Hash,
  envelope: Envelope | undefined,
  receiver?: string,
): ArticleBlock {
  const place = { index: block.index, hash: formatHex(hash), prevhash: formatHex(block.prev) }
  const timestamp = formatTime(block.time)
  if (envelope === undefined)
    return { ...place, timestamp, metainfo: '', objecta: '', objectb: '', objectc: '' }
  if (envelope.suite === 'article-block') return { ...importedBlockOf(envelope, timestamp), ...place }
  const wrapped = envelope.receivers.find(({ kid }) => kid === receiver) ?? envelope.receivers[0]
  return {
    ...place,
    timestamp,
    metainfo: formatLabels(envelope.labels),
    objecta: formatBase64(envelope.keySignature),
    objectb: formatHex(envelope.ciphertext),
    objectc: wrapped === undefined ? '' : formatHex(wrapped.wrapped),
  }
}

/**
 * Whoever may append can put anything under the suite `article-block`; what is no block of the article's
 * shows empty.
 */
function importedBlockOf(
  { ciphertext }: Envelope,
  timestamp: string,
): Omit<ArticleBlock, 'index' | 'hash' | 'prevhash'> {
  try {
    return parseArticleBlock(textOf(ciphertext, 'the article block'))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { timestamp, metainfo: '', objecta: '', objectb: '', objectc: '' }
  }
}
