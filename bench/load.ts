// A load generator for HTTP/1.1 on loopback that costs little beside the server it shares the machine with:
// raw sockets, requests built beforehand, and of each response only the status line and the length are looked
// at.
//
//   const measured = await loadFromChild({ port, connections: 64 }, requests)
//
// Closed loop: each connection sends its next request when the answer to the last one is complete, so the
// latencies are those of `connections` patient callers, not of callers who keep coming whatever the server
// does.
import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Load = {
  readonly port: number
  readonly host?: string
  readonly connections: number
  /** Answers at the beginning that are not measured. */
  readonly warmupRequests?: number
  /** Ends the run before the requests do; they are sent again and again until then. */
  readonly durationMs?: number
  /** A run in which nothing is answered for so long has failed. */
  readonly silenceMsMax?: number
}

export type Measured = {
  /** Answers with a status of 2xx per second, and their latencies in milliseconds. */
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly seconds: number
  /** Connections that ended before the answer did. */
  readonly errors: number
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>
  /**
   * Processor time of this generator for one answer, in microseconds: its own, and the kernel's for the
   * sockets, which a generator in C would pay as well.
   */
  readonly cost: { readonly user: number; readonly system: number }
}

/** The bytes of one request; `Content-Length` and `Host` are added. */
export function requestOf(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | string = '',
): Buffer {
  const content = Buffer.from(body)
  const all = {
    host: '127.0.0.1',
    ...headers,
    ...(content.length > 0 ? { 'content-length': `${content.length}` } : {}),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'),
    content,
  ])
}

/** Runs the load in this process. Throws when nothing is answered for `silenceMsMax`. */
export async function load(options: Load, requests: readonly Uint8Array[]): Promise<Measured> {
  if (requests.length === 0) throw new RangeError('no requests to send')
  const { connections, durationMs, silenceMsMax = 30_000 } = options
  const run = new Run(options, requests)
  const cpuBefore = process.cpuUsage()
  let answeredBefore = -1
  const ticker = setInterval(() => {
    if (run.answered === answeredBefore) run.finish(new Error(`nothing was answered for ${silenceMsMax} ms`))
    answeredBefore = run.answered
  }, silenceMsMax)
  const ender = durationMs === undefined ? undefined : setTimeout(() => run.finish(), durationMs)
  try {
    for (let i = 0; i < connections; i++) run.connect()
    await run.finished
  } finally {
    clearInterval(ticker)
    clearTimeout(ender)
    run.close()
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  const answers = Math.max(1, run.answered)
  return { ...run.result(), cost: { user: user / answers, system: system / answers } }
}

/** The same in a process of its own, so that the generator does not take turns with the server. */
export async function loadFromChild(options: Load, requests: readonly Uint8Array[]): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'ledgerstone-load-'))
  try {
    const path = join(folder, 'requests')
    await writeRequests(path, requests)
    const child = spawn(process.execPath, [import.meta.filename, path, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject))
    if (code !== 0) throw new Error(`the load generator ended with ${code}`)
    return JSON.parse(output) as Measured
  } finally {
    await rm(folder, { recursive: true })
  }
}

class Run {
  readonly finished: Promise<void>
  answered = 0
  readonly #options: Load
  readonly #requests: readonly Uint8Array[]
  readonly #sockets = new Set<Socket>()
  readonly #statuses = new Map<string, number>()
  #latencies = new Float64Array(1 << 16)
  #measured = 0
  #sent = 0
  #errors = 0
  #from = 0
  #to = 0
  #isEnding = false
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(options: Load, requests: readonly Uint8Array[]) {
    this.#options = options
    this.#requests = requests
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  finish(error?: Error): void {
    this.#isEnding = true
    if (error === undefined) this.#resolve()
    else this.#reject(error)
  }

  close(): void {
    this.#isEnding = true
    for (const socket of this.#sockets) socket.destroy()
  }

  connect(): void {
    const answers = new AnswerReader((status) => {
      this.#record(status, sentAt)
      isWaiting = false
      sendNext()
    })
    let sentAt = 0
    let isWaiting = false
    const sendNext = (): void => {
      const request = this.#next()
      if (request === undefined) {
        socket.end()
        return
      }
      isWaiting = true
      sentAt = performance.now()
      socket.write(request)
    }
    const onread = { buffer: Buffer.allocUnsafe(1 << 16), callback: answers.read }
    const socket = connect({
      port: this.#options.port,
      host: this.#options.host ?? '127.0.0.1',
      noDelay: true,
      onread,
    })
    this.#sockets.add(socket)
    socket.on('connect', sendNext)
    socket.on('error', () => {}) // 'close' follows and counts it
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (isWaiting && !this.#isEnding) this.#errors += 1
      if (!this.#isEnding && this.#hasMore()) this.connect()
      else if (this.#sockets.size === 0) this.finish()
    })
  }

  result(): Omit<Measured, 'cost'> {
    const sorted = this.#latencies.subarray(0, this.#measured).sort()
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    const seconds = (this.#to - this.#from) / 1000
    return {
      perSecond: seconds > 0 ? this.#measured / seconds : 0,
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
      seconds,
      errors: this.#errors,
      statuses: Object.fromEntries(this.#statuses),
    }
  }

  #hasMore(): boolean {
    return this.#options.durationMs !== undefined || this.#sent < this.#requests.length
  }

  #next(): Uint8Array | undefined {
    if (this.#isEnding || !this.#hasMore()) return undefined
    const request = this.#requests[this.#sent % this.#requests.length]
    this.#sent += 1
    return request
  }

  #record(status: string, sentAt: number): void {
    const now = performance.now()
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    this.answered += 1
    const warmup = this.#options.warmupRequests ?? 0
    if (this.answered <= warmup) return
    if (this.#from === 0) this.#from = warmup === 0 ? sentAt : now
    this.#to = now
    if (!status.startsWith('2')) return
    if (this.#measured === this.#latencies.length) {
      const wider = new Float64Array(2 * this.#latencies.length)
      wider.set(this.#latencies)
      this.#latencies = wider
    }
    this.#latencies[this.#measured] = now - sentAt
    this.#measured += 1
  }
}

/** Finds where each answer on one connection ends. Knows bodies with a length, chunked ones, and none. */
class AnswerReader {
  readonly #onAnswer: (status: string) => void
  #status = ''
  #bodyBytesLeft = 0
  #isChunked = false
  #rest: Buffer | undefined

  constructor(onAnswer: (status: string) => void) {
    this.#onAnswer = onAnswer
  }

  /** For `onread`: the buffer is used again after each call. Returns true to go on reading. */
  readonly read = (count: number, buffer: Uint8Array): boolean => {
    let bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count)
    if (this.#rest !== undefined) bytes = Buffer.concat([this.#rest, bytes])
    this.#rest = undefined
    let at = 0
    while (at < bytes.length) {
      if (this.#status === '') {
        const headEnd = bytes.indexOf('\r\n\r\n', at, 'latin1')
        if (headEnd === -1) break
        this.#readHead(bytes.toString('latin1', at, headEnd))
        at = headEnd + 4
      }
      if (this.#isChunked) {
        const end = bytes.indexOf('0\r\n\r\n', at, 'latin1')
        if (end === -1) break
        at = end + 5
      } else {
        const taken = Math.min(this.#bodyBytesLeft, bytes.length - at)
        this.#bodyBytesLeft -= taken
        at += taken
        if (this.#bodyBytesLeft > 0) return true
      }
      const status = this.#status
      this.#status = ''
      this.#onAnswer(status)
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at))
    return true
  }

  #readHead(head: string): void {
    this.#status = head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
    this.#bodyBytesLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    this.#isChunked = this.#bodyBytesLeft === 0 && /\r\ntransfer-encoding: *chunked/i.test(head)
  }
}

/** A file of requests, each after its length as a 32-bit big-endian integer. */
async function writeRequests(path: string, requests: readonly Uint8Array[]): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  for (let at = 0; at < requests.length; at += 1000) {
    const parts = requests.slice(at, at + 1000).flatMap((request) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(request.length)
      return [length, request]
    })
    await file.writeFile(Buffer.concat(parts))
  }
}

async function readRequests(path: string): Promise<readonly Uint8Array[]> {
  const bytes = await readFile(path)
  const requests: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    requests.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return requests
}

if (import.meta.main) {
  const [path = '', options = '{}'] = process.argv.slice(2)
  console.log(JSON.stringify(await load(JSON.parse(options) as Load, await readRequests(path))))
}
