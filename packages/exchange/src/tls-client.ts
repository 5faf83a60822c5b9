import tls, { type TLSSocket } from 'node:tls'
import { Refused } from '@ledgerstone/core/refused'
import { formatFingerprint, type Identity } from './certificate.ts'
import { WayFailed } from './way.ts'

export type ConnectOptions = {
  readonly host: string
  readonly port: number
  /** SNI: what a passthrough route chooses by. */
  readonly servername?: string
  readonly identity: Identity
  /** PEM, and the SHA-256 that it must have. */
  readonly peer: { readonly certificate: string; readonly fingerprint: string }
  readonly timeoutMs?: number
}

/**
 * A TLS 1.3 connection to the one server that has this certificate. Whether the server takes ours shows in
 * its first message only. Throws `wrong-certificate`, or what the network says.
 */
export function connect(options: ConnectOptions): Promise<TLSSocket> {
  const { host, port, servername = anyName, identity, peer, timeoutMs = 5000 } = options
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      ...{ host, port, servername, cert: identity.certificate, key: identity.key },
      ...{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
      ...{ ca: [peer.certificate], rejectUnauthorized: true, allowPartialTrustChain: true },
      // Not the name, which is the peer's own choice: the hash.
      checkServerIdentity: (_host, { fingerprint256 }) =>
        formatFingerprint(fingerprint256) === peer.fingerprint
          ? undefined
          : new Refused('wrong-certificate', 'the server shows another certificate than it announced'),
    })
    const late = setTimeout(() => socket.destroy(new WayFailed('no handshake in time')), timeoutMs)
    const failed = (error: Error): void => {
      clearTimeout(late)
      socket.destroy()
      reject(isAboutCertificate(error) ? wrong(error) : error)
    }
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      clearTimeout(late)
      socket.off('error', failed)
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

/** Any name at all makes the server take certificates that a CA issued. */
const anyName = 'exchange.invalid'

/** What signatures and answers are bound to: the exporter of RFC 9266. */
export function exporterOf(socket: TLSSocket): Uint8Array<ArrayBuffer> {
  return new Uint8Array(socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)))
}

function isAboutCertificate(error: Error & { code?: string }): boolean {
  return !(error instanceof Refused) && /CERT|SELF_SIGNED|VERIFY|ISSUER/.test(error.code ?? '')
}

function wrong(cause: Error): Refused {
  return new Refused('wrong-certificate', 'the server does not show the certificate that it announced', {
    cause,
  })
}
