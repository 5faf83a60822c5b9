import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'

export type { Logger }

/** Where tokens, cookies and secrets can stand in what services log. They are taken out, not starred. */
const secrets = ['authorization', 'cookie', 'dpop', 'proxy-authorization', 'set-cookie']
const members = [
  ...['access_token', 'refresh_token', 'id_token', 'client_secret', 'client_assertion'],
  ...['password', 'passphrase'],
]

/** Of lines that wait to be written. */
const waitingBytesMax = 8 * 1024 * 1024

/**
 * The services' logger: one JSON line each to standard output, or to `destination`. Requests are logged
 * without their query, for an authorization code may stand in it. `level` is one of pino's, default `info`.
 */
export function createLogger(
  options: { readonly name: string; readonly level?: string },
  destination?: DestinationStream,
): Logger {
  const settings: LoggerOptions = {
    name: options.name,
    level: options.level ?? 'info',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: {
      paths: [
        ...secrets.flatMap((name) => [`headers["${name}"]`, `*.headers["${name}"]`]),
        ...members.flatMap((name) => [name, `*.${name}`]),
      ],
      remove: true,
    },
    serializers: { req: describeRequest, res: describeReply },
  }
  return pino(settings, destination ?? standardOutput())
}

/** Lines that cannot be written, to a disk that is full, are lost: that must not stop a service. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxLength: waitingBytesMax })
  output.on('error', () => undefined)
  return output
}

function describeRequest(request: {
  method?: string
  url?: string
  originalUrl?: string
  ip?: string
}): object {
  const url = request.originalUrl ?? request.url
  return { method: request.method, path: url?.split('?')[0], ip: request.ip }
}

function describeReply(reply: { statusCode?: number }): object {
  return { status: reply.statusCode }
}
