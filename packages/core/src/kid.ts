// Key ids as bytes. Few keys sign and receive most records, so the newest ids are kept decoded.
import { type Bytes, equalBytes, parseBase64url } from './bytes.ts'

const known = new Map<string, Bytes>()
const knownMax = 1024

/** The 32 bytes of a kid; nobody may write to them. `what` names it in the message. Throws `malformed`. */
export function decodeKid(kid: string, what: string): Bytes {
  const found = known.get(kid)
  if (found !== undefined) return found
  const bytes = parseBase64url(kid, what, 32)
  if (known.size >= knownMax) known.clear()
  known.set(kid, bytes)
  return bytes
}

/** Below 0 when `a` comes first. By their bytes, not by their base64url spelling. Throws `malformed`. */
export function compareKids(a: string, b: string): number {
  const [left, right] = [decodeKid(a, 'kid'), decodeKid(b, 'kid')]
  if (equalBytes(left, right)) return 0
  const i = left.findIndex((byte, at) => byte !== right[at])
  return (left[i] as number) - (right[i] as number)
}
