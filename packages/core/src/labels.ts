// The clear metadata of an envelope: who asked for it, what kind of data it is, small labels, blind index
// values.
import { type Bytes, formatBase64url, parseBase64url, utf8 } from './bytes.ts'
import {
  formatCanonical,
  integerMember,
  isObject,
  type Json,
  type JsonObject,
  listMember,
  membersOf,
  textMember,
} from './canonical.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'

/** The caller on whose behalf the sealer signed, from the validated token. */
export type Actor = { readonly iss: string; readonly client: string; readonly sub?: string }

/** One blind index value: the first 16 bytes of an HMAC under the bucket's tag key of that epoch. */
export type Tag = { readonly name: string; readonly epoch: number; readonly value: Uint8Array }

export type MetaValue = string | number | boolean

export type Labels = {
  readonly actor?: Actor
  /** RFC 6838 media type of the record. */
  readonly media: string
  readonly meta?: Readonly<Record<string, MetaValue>>
  readonly tags?: readonly Tag[]
}

const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/
const metaName = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const tagName = /^[a-z][a-z0-9.-]{0,63}$/

/** RFC 8785 JSON, at most 8 KiB. Throws `too-large`. */
export function formatLabels(labels: Labels): string {
  const text = formatCanonical(labelsJson(labels))
  encodeText(text)
  return text
}

/** The text of `formatLabels` in UTF-8: what stands in an envelope's header. Throws `too-large`. */
export function encodeLabels(labels: Labels): Bytes {
  return encodeText(formatCanonical(labelsJson(labels)))
}

/** Labels as a JSON object, tag values in base64url. */
export function labelsJson({ actor, media, meta, tags }: Labels): JsonObject {
  return {
    media,
    ...(actor !== undefined && { actor: { ...actor } }),
    ...(meta !== undefined && { meta: { ...meta } }),
    ...(tags !== undefined && { tags: tags.map((tag) => ({ ...tag, value: formatBase64url(tag.value) })) }),
  }
}

/** Labels out of parsed JSON, members checked. Throws `malformed`, `unknown-field`, `too-large`. */
export function checkLabels(value: unknown): Labels {
  return readLabels(value).labels
}

/** The same, and what `encodeLabels` would make of them. */
export function readLabels(value: unknown): { readonly labels: Labels; readonly encoded: Bytes } {
  const { actor, media, meta, tags } = membersOf(value, 'labels', ['media'], ['actor', 'meta', 'tags'])
  const labels = {
    media: checkMedia(textMember(media, 'media')),
    ...(actor !== undefined && { actor: checkActor(actor) }),
    ...(meta !== undefined && { meta: checkMeta(meta) }),
    ...(tags !== undefined && { tags: checkTags(tags) }),
  }
  // Members were checked and none is left out, so the value is what `labelsJson` would make again.
  return { labels, encoded: encodeText(formatCanonical(value as Json)) }
}

/** A media type without parameters, lower case. Throws `malformed`. */
export function checkMedia(text: string): string {
  if (!mediaType.test(text)) throw new Refused('malformed', 'media is not a media type in lower case')
  return text
}

/** Names of letters, digits, `_`, `.`, `-`; values are strings, whole numbers or booleans. */
export function checkMeta(value: unknown): Readonly<Record<string, MetaValue>> {
  if (!isObject(value)) throw new Refused('malformed', 'meta is not an object')
  const meta: Record<string, MetaValue> = Object.create(null)
  for (const [name, member] of Object.entries(value)) {
    if (!metaName.test(name))
      throw new Refused('malformed', `meta has a bad name ${JSON.stringify(name.slice(0, 64))}`)
    if (typeof member !== 'string' && typeof member !== 'boolean' && !Number.isSafeInteger(member)) {
      throw new Refused('malformed', `meta "${name}" is not a string, a whole number or a boolean`)
    }
    meta[name] = member as MetaValue
  }
  return meta
}

function encodeText(text: string): Bytes {
  const bytes = utf8(text)
  if (bytes.length > limits.labelsBytesMax) throw new Refused('too-large', 'the labels are too long')
  return bytes
}

function checkActor(value: Json): Actor {
  const { iss, client, sub } = membersOf(value, 'actor', ['iss', 'client'], ['sub'])
  return {
    iss: textMember(iss, 'actor iss'),
    client: textMember(client, 'actor client'),
    ...(sub !== undefined && { sub: textMember(sub, 'actor sub') }),
  }
}

function checkTags(value: Json): readonly Tag[] {
  const list = listMember(value, 'tags')
  if (list.length > limits.tagsMax) throw new Refused('too-large', `more than ${limits.tagsMax} tags`)
  return list.map((item) => {
    const { name, epoch, value: blind } = membersOf(item, 'tag', ['name', 'epoch', 'value'])
    if (!tagName.test(textMember(name, 'tag name'))) throw new Refused('malformed', 'a tag has a bad name')
    return {
      name: name as string,
      epoch: integerMember(epoch, 'tag epoch'),
      value: parseBase64url(textMember(blind, 'tag value'), 'tag value', 16),
    }
  })
}
