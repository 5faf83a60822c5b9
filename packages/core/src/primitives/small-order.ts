// Points of small order on edwards25519. As a public key such a point takes one signature under many
// messages. OpenSSL refuses them as key and as R; Chromium's Ed25519 does not, although the specification of
// Web Crypto asks for it. A verdict must not depend on the browser, so web.ts looks for them itself.

/**
 * Every y of a point whose order divides 8, little-endian; the last two are y + p, which some decoders take
 * as well.
 */
const smallOrderY = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 4
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 1
])

/** `point`: 32 bytes (RFC 8032 5.1.2): y, and in the topmost bit the sign of x. */
export function isSmallOrder(point: Uint8Array): boolean {
  const y = new Uint8Array(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return smallOrderY.has(y.toHex())
}
