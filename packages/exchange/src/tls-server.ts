// A port that is open for one client, for a short while. Whoever cannot show the one certificate that is
// waited for is refused and reported, and keeps nobody else out.
import { constants } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { Refused } from '@ledgerstone/core/refused'
import { formatFingerprint, type Identity } from './certificate.ts'

/** Why a connection was not taken, for the audit trail. */
export type RefusedConnection = {
  readonly from: string
  readonly why: 'no-tls' | 'no-certificate' | 'wrong-certificate' | 'slow-handshake' | 'crowded-out' | 'busy'
  readonly detail: string
}

export type ListenOptions = {
  readonly host: string
  /** Tried in this order until one is free. */
  readonly ports: readonly number[]
  readonly identity: Identity
  /** PEM, and the SHA-256 that it must have. */
  readonly peer: { readonly certificate: string; readonly fingerprint: string }
  /** One at a time; the socket is destroyed when it settles. */
  readonly onConnection: (socket: TLSSocket) => Promise<void>
  readonly onRefused: (refused: RefusedConnection) => void
  readonly handshakeTimeoutMs?: number
  /** Handshakes at the same time; one more, and the oldest has to go. */
  readonly handshakesMax?: number
}

export type Listener = {
  readonly port: number
  /** Closes the port and every connection. */
  close(): Promise<void>
}

/** Port numbers from `from` to `to` in random order. */
export function portsOf(from: number, to: number, random: () => number = Math.random): readonly number[] {
  const ports = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  for (let i = ports.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[ports[i], ports[j]] = [ports[j] as number, ports[i] as number]
  }
  return ports
}

/** Throws `no-port` when none of the ports is free. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host, ports, handshakeTimeoutMs = 5000 } = options
  const credentials = {
    cert: options.identity.certificate,
    key: options.identity.key,
    ca: options.peer.certificate,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // No resumption: each connection shows its certificate. OpenSSL's tickets name a session then that is not
    // kept.
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const
  // A certificate that somebody else's CA issued stands for itself here. Node takes that option by this way
  // only, so clients send a server name; without one, self-signed certificates alone are taken.
  const context = tls.createSecureContext({ ...credentials, allowPartialTrustChain: true })
  const server = tls.createServer({
    ...{ ...credentials, handshakeTimeout: handshakeTimeoutMs, requestCert: true, rejectUnauthorized: true },
    SNICallback: (_name, done) => done(null, context),
  })
  const sockets = new Set<Socket>()
  admitConnections(server, sockets, options)
  for (const port of ports) {
    if (await bind(server, host, port)) {
      return {
        port: (server.address() as AddressInfo).port,
        close: () => closeAll(server, sockets),
      }
    }
  }
  throw new Refused('no-port', `none of ${ports.length} ports is free`)
}

function admitConnections(server: tls.Server, sockets: Set<Socket>, options: ListenOptions): void {
  const { onRefused, onConnection, handshakesMax = 32 } = options
  const shaking = new Set<Socket>()
  let busy = false

  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined)
    sockets.add(socket)
    shaking.add(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      shaking.delete(socket)
    })
    const [oldest] = shaking
    if (shaking.size > handshakesMax && oldest !== undefined) {
      onRefused({ from: fromOf(oldest), why: 'crowded-out', detail: 'too many handshakes at a time' })
      shaking.delete(oldest)
      destroyLater(oldest)
    }
  })
  server.on('tlsClientError', (error, socket) => {
    onRefused({ from: fromOf(socket), ...reasonOf(error, socket) })
    // Node reports a handshake that is late, and leaves its connection open.
    destroyLater(socket)
  })
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // The TLS socket has taken the plain one over, which must not be touched any more.
    for (const each of shaking) {
      if (fromOf(each) !== fromOf(socket)) continue
      shaking.delete(each)
      sockets.delete(each)
    }
    const refused = busy ? busyNow : refusalOf(socket, options.peer.fingerprint)
    if (refused !== undefined) {
      onRefused({ from: fromOf(socket), ...refused })
      destroyLater(socket)
      return
    }
    busy = true
    onConnection(socket)
      .catch(() => undefined)
      .finally(() => {
        busy = false
        socket.destroySoon()
      })
  })
}

type Reason = Pick<RefusedConnection, 'why' | 'detail'>

const busyNow: Reason = { why: 'busy', detail: 'another connection is in the ceremony' }

/** OpenSSL has checked the chain to the one certificate; its hash says that it is the very one. */
function refusalOf(socket: TLSSocket, fingerprint: string): Reason | undefined {
  const found = formatFingerprint(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
  if (!socket.authorized || found !== fingerprint) {
    return { why: 'wrong-certificate', detail: `a certificate with the fingerprint ${found.slice(0, 16)}...` }
  }
  if (socket.isSessionReused()) return { why: 'no-certificate', detail: 'a session that was resumed' }
  return undefined
}

function reasonOf(error: Error & { code?: string }, socket: TLSSocket): Reason {
  const code = error.code ?? ''
  const detail = `${code} ${error.message}`.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 120)
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return { why: 'slow-handshake', detail: 'no handshake in time' }
  if (/PEER_DID_NOT_RETURN_A_CERTIFICATE/.test(code))
    return { why: 'no-certificate', detail: 'no certificate' }
  const verdict = socket.authorizationError
  if (verdict) return { why: 'wrong-certificate', detail: String(verdict).slice(0, 120) }
  return { why: 'no-tls', detail }
}

function fromOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'gone'}:${socket.remotePort ?? 0}`
}

/** False when the port is taken; throws what else the system says. */
function bind(server: tls.Server, host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', bound)
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    }
    const bound = (): void => {
      server.off('error', failed)
      resolve(true)
    }
    server.once('error', failed)
    server.once('listening', bound)
    server.listen({ port, host, backlog: 64, exclusive: true })
  })
}

function closeAll(server: tls.Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of sockets) destroyLater(socket)
  })
}

/**
 * Node crashes when a socket is destroyed within OpenSSL's own callback, from which all this may be called.
 */
function destroyLater(socket: Socket): void {
  setImmediate(() => socket.destroy())
}
