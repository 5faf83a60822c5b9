/** Every bound in the system. Each is refused with its own error, and the relations are asserted below. */
export const limits = {
  recordBytesMax: 1_048_576, // 1 MiB; all sizes in bytes are powers of two
  entryBytesMax: 65_535, // C2SP tlog-tiles: entries carry a 16-bit length
  statementBytesMax: 32_768,
  bodyBytesMax: 16_384,
  labelsBytesMax: 8_192,
  tagsMax: 16,
  receiversMax: 16,
  keyMaterialBytesMax: 4_096, // a key signature, a wrapped key
  refsMax: 8,
  ciphertextBytesMax: 1_572_864, // a record in base64 and an IV, with room to pad
  envelopeBytesMax: 2_097_152,
  requestBytesMax: 4_194_304,
  batchRecordsMax: 1000,
  batchBytesMax: 8_388_608,
  listBlocksMax: 100,
  listBytesMax: 8_388_608,
  jsonDepthMax: 8,
  noteBytesMax: 65_536,
  noteSignaturesMax: 64,
  policyBytesMax: 131_072,
  policyNamesMax: 256,
  evidenceBytesMax: 33_554_432,
  registryBytesMax: 16_777_216,
  eventStreamsMax: 256,
  passphraseBytesMax: 1024, // of an encrypted private key
  scryptMemoryBytesMax: 134_217_728, // 128 * N * r: what a key file may make its reader allocate
  scryptWorkMax: 4_194_304, // N * r * p: some seconds
  scryptLanesMax: 16_384, // r * p: what a small N leaves of work and memory
  pbkdf2IterationsMax: 10_000_000,
  ledgerNameBytesMax: 150,
  bucketNameBytesMax: 63,
  typeNameBytesMax: 64,
  tokenLifetimeSecondsMax: 600,
  statementAgeMsMax: 86_400_000, // `issued` before the block's time
  statementLeadMsMax: 300_000, // `issued` after the block's time
  keysAgeMsMax: 600_000, // a sealer's view of the registry
  exchangesMax: 16, // key exchanges that are not over, of one sealer
  exchangeWindowMsMax: 600_000, // how long its port may be open
  exchangeAheadMsMax: 86_400_000, // how long before its opening it may be asked for
  exchangeKeysMax: 8, // of one side
  exchangeMessageBytesMax: 65_536,
  poolBytesMax: 67_108_864,
  poolPerCallerPerCommitMax: 256,
  commitRecordsMax: 4096,
  commitBytesMax: 33_554_432,
} as const

if (limits.statementBytesMax + 1024 > limits.entryBytesMax) throw new Error('a statement must fit its entry')
if (limits.bodyBytesMax * 1.5 > limits.statementBytesMax) throw new Error('a body must fit its statement')
if (limits.recordBytesMax * 1.4 > limits.ciphertextBytesMax)
  throw new Error('a record must fit its ciphertext')
const keyMaterialMax = (1 + limits.receiversMax) * (limits.keyMaterialBytesMax + 64)
if (limits.ciphertextBytesMax + limits.labelsBytesMax + keyMaterialMax > limits.envelopeBytesMax) {
  throw new Error('a ciphertext must fit its envelope')
}
if (limits.poolBytesMax < 2 * limits.batchBytesMax) throw new Error('the pool must hold two batches')
