// A double of a Kubernetes API server with OpenShift's routes, and of its router. Requests are checked
// against what the published schemas require of the kinds used here (core/v1 Pod and Service,
// route.openshift.io/v1 Route), unknown fields included, and streams are held as the real one holds them
// (v4.channel.k8s.io: a byte for the channel, two for the port first).
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { KubeConfig } from '@kubernetes/client-node'
import { WebSocketServer } from 'ws'
import { createIdentity } from '../src/certificate.ts'

export const namespace = 'ledger'
export const pod = 'sealer-6d5f7b9c-x2x4k'
export const podUid = '7d1f0a52-93a5-4f0e-8a5e-0d2b9f6d3c11'

type Meta = {
  name: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: unknown
}
export type Thing = {
  apiVersion: string
  kind: string
  metadata: Meta
  spec: Record<string, unknown>
  status?: unknown
}

export type ApiServer = AsyncDisposable & {
  readonly config: KubeConfig
  readonly routerPort: number
  readonly services: Map<string, Thing>
  readonly routes: Map<string, Thing>
  readonly pods: Map<string, Thing>
  /** `create routes`, as RBAC names it. */
  readonly verbs: Set<string>
  /** Requests that are answered with 403. */
  denied: RegExp | undefined
  admits: boolean
  /** Streams that are open. */
  streams(): number
}

class Status extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export async function startApiServer(): Promise<ApiServer> {
  const [services, routes, pods] = [
    new Map<string, Thing>(),
    new Map<string, Thing>(),
    new Map<string, Thing>(),
  ]
  pods.set(pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod, uid: podUid } as Meta, spec: {} })
  const { certificate: cert, key } = await createIdentity({
    name: 'api.example.com',
    now: Date.now(),
    days: 1,
  })
  const server = https.createServer({ cert, key }, (request, response) => {
    answer(self, request).then(
      (body) => send(response, 200, body),
      (error: unknown) => {
        const code = error instanceof Status ? error.code : 500
        const { message } = error as Error
        send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code })
      },
    )
  })
  const streams = new WebSocketServer({ noServer: true, handleProtocols: () => 'v4.channel.k8s.io' })
  server.on('upgrade', (request, socket, head) => hold(self, streams, request, socket, head))
  const router = net.createServer((socket) => route(self, socket))
  for (const each of [server, router]) {
    await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))
  }
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [
      {
        name: 'c',
        server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        caData: Buffer.from(cert).toString('base64'),
        tlsServerName: 'api.example.com',
        skipTLSVerify: false,
      },
    ],
    users: [{ name: 'u', token: 'of-the-admin' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u', namespace }],
    currentContext: 'x',
  })
  const self: ApiServer = {
    ...{ config, services, routes, pods, verbs: new Set<string>(), denied: undefined, admits: true },
    routerPort: (router.address() as AddressInfo).port,
    streams: () => streams.clients.size,
    async [Symbol.asyncDispose]() {
      for (const client of streams.clients) client.terminate()
      server.closeAllConnections()
      await Promise.all([server, router].map((each) => new Promise((resolve) => each.close(resolve))))
    },
  }
  return self
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const groups = String.raw`(?:api/v1|apis/route\.openshift\.io/v1)`
const paths = new RegExp(
  `^/${groups}/namespaces/([^/]+)/(pods|services|routes)(?:/([^/]+))?(?:/(portforward))?$`,
)

type Asked = { readonly kind: string; readonly name: string | undefined; readonly url: URL }

function admit(server: ApiServer, request: IncomingMessage): Asked {
  if (request.headers.authorization !== 'Bearer of-the-admin') throw new Status(401, 'Unauthorized')
  const url = new URL(request.url ?? '/', 'http://api')
  const [, space, kind = '', name, sub] = paths.exec(url.pathname) ?? []
  if (space !== namespace) throw new Status(404, 'the server could not find the requested resource')
  const names = { GET: name === undefined ? 'list' : 'get', POST: 'create', DELETE: 'delete', PATCH: 'patch' }
  const method = names[request.method as keyof typeof names]
  if (sub === undefined) authorize(server, `${method} ${kind}`)
  // A WebSocket is asked for by GET; from Kubernetes 1.35 on it needs the right to create, too.
  else for (const each of ['get', 'create']) authorize(server, `${each} ${kind}/${sub}`)
  return { kind, name, url }
}

function authorize(server: ApiServer, verb: string): void {
  server.verbs.add(verb)
  if (server.denied?.test(verb)) throw new Status(403, `User "admin" cannot ${verb}: forbidden`)
}

async function answer(server: ApiServer, request: IncomingMessage): Promise<unknown> {
  const { kind, name, url } = admit(server, request)
  const things = server[kind as 'pods' | 'services' | 'routes']
  const body = await bodyOf(request)
  switch (request.method) {
    case 'GET':
      return name === undefined
        ? list(things, kind, url.searchParams.get('labelSelector') ?? '')
        : find(things, name)
    case 'POST':
      return create(server, kind, body as Thing)
    case 'DELETE': {
      const thing = find(things, name ?? '')
      things.delete(name ?? '')
      return kind === 'services' ? thing : { kind: 'Status', apiVersion: 'v1', status: 'Success' }
    }
    default:
      return patch(find(things, name ?? ''), request, body as Thing)
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}

function find(things: Map<string, Thing>, name: string): Thing {
  const thing = things.get(name)
  if (thing === undefined) throw new Status(404, `"${name}" not found`)
  return thing
}

function list(things: Map<string, Thing>, kind: string, selector: string): unknown {
  const wanted = selector.split(',').filter((part) => part !== '')
  const items = [...things.values()].filter(({ metadata: { labels = {} } }) =>
    wanted.every((part) => {
      const [name = '', value] = part.split('=')
      return value === undefined ? Object.hasOwn(labels, name) : labels[name] === value
    }),
  )
  const names = { pods: 'PodList', services: 'ServiceList', routes: 'RouteList' } as const
  return { apiVersion: 'v1', kind: names[kind as keyof typeof names], metadata: {}, items }
}

function create(server: ApiServer, kind: string, thing: Thing): Thing {
  only(thing, ['apiVersion', 'kind', 'metadata', 'spec'], kind)
  checkMeta(thing.metadata)
  if (kind === 'services') checkService(thing)
  else if (kind === 'routes') {
    checkRoute(thing)
    if (thing.spec['host'] !== undefined) authorize(server, 'create routes/custom-host')
  } else {
    throw new Status(405, 'pods are not created here')
  }
  const things = server[kind as 'services' | 'routes']
  if (things.has(thing.metadata.name)) throw new Status(409, `"${thing.metadata.name}" already exists`)
  const host = thing.spec['host'] ?? `${thing.metadata.name}-${namespace}.apps.example.com`
  const conditions = [{ type: 'Admitted', status: server.admits ? 'True' : 'False' }]
  const status =
    kind === 'routes' ? { ingress: [{ host, routerName: 'default', conditions }] } : { loadBalancer: {} }
  const made = { ...thing, spec: { ...thing.spec, ...(kind === 'routes' && { host }) }, status }
  things.set(thing.metadata.name, made)
  return made
}

function patch(thing: Thing, request: IncomingMessage, body: Thing): Thing {
  if (request.headers['content-type'] !== 'application/merge-patch+json')
    throw new Status(415, 'not a merge patch')
  for (const part of ['labels', 'annotations'] as const) {
    const merged = { ...thing.metadata[part], ...body.metadata[part] }
    const kept = Object.entries(merged).filter(([, value]) => value !== null)
    thing.metadata[part] = Object.fromEntries(kept)
  }
  checkMeta({ ...thing.metadata })
  return thing
}

/** apimachinery ObjectMeta: names are RFC 1123 labels here, label values at most 63 characters. */
function checkMeta(meta: Meta): void {
  only(meta, ['name', 'uid', 'labels', 'annotations', 'ownerReferences'], 'metadata')
  need(/^[a-z0-9][a-z0-9.-]{0,61}[a-z0-9]$/.test(meta.name), 'metadata.name')
  for (const [name, value] of Object.entries(meta.labels ?? {})) {
    need(/^(?:[a-z0-9.-]+\/)?[A-Za-z0-9][\w.-]{0,62}$/.test(name), 'metadata.labels')
    need(/^(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?$/.test(value), `metadata.labels: ${value}`)
  }
  for (const owner of (meta.ownerReferences ?? []) as Record<string, unknown>[]) {
    only(owner, ['apiVersion', 'kind', 'name', 'uid', 'controller', 'blockOwnerDeletion'], 'ownerReferences')
    need(owner['apiVersion'] === 'v1' && owner['kind'] === 'Pod', 'ownerReferences')
    need(owner['uid'] === podUid && owner['name'] === pod, 'ownerReferences: no such owner')
  }
}

function checkService({ apiVersion, kind, spec }: Thing): void {
  need(apiVersion === 'v1' && kind === 'Service', 'kind')
  only(spec, ['type', 'selector', 'ports'], 'spec')
  const [port, more] = spec['ports'] as Record<string, unknown>[]
  need(port !== undefined && more === undefined && spec['type'] === 'ClusterIP', 'spec')
  only(port as object, ['name', 'port', 'targetPort', 'protocol'], 'spec.ports')
  need(/^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$/.test(String(port?.['name'])), 'spec.ports.name')
  need(Number.isInteger(port?.['port']) && Number(port?.['port']) < 65_536, 'spec.ports.port')
}

/** https://docs.openshift.com: Route, RouteSpec, TLSConfig. */
function checkRoute({ apiVersion, kind, spec }: Thing): void {
  need(apiVersion === 'route.openshift.io/v1' && kind === 'Route', 'kind')
  only(spec, ['host', 'to', 'port', 'tls', 'wildcardPolicy'], 'spec')
  const { to, port, tls } = spec as Record<string, Record<string, unknown>>
  need(to?.['kind'] === 'Service' && typeof to['name'] === 'string', 'spec.to')
  need(typeof port?.['targetPort'] === 'string', 'spec.port')
  need(tls?.['termination'] === 'passthrough', 'spec.tls.termination')
  need(
    ['None', 'Redirect'].includes(String(tls?.['insecureEdgeTerminationPolicy'])),
    'spec.tls.insecure...: passthrough',
  )
  need(
    tls?.['key'] === undefined && tls?.['certificate'] === undefined,
    'spec.tls: passthrough carries no certificate',
  )
}

function only(value: object, names: readonly string[], what: string): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Status(422, `${what}: unknown field "${unknown}"`)
}

function need(holds: boolean, what: string): void {
  if (!holds) throw new Status(422, `invalid: ${what}`)
}

/** The real one connects within the pod; this one on loopback. */
function hold(
  server: ApiServer,
  streams: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  try {
    const { name, url } = admit(server, request)
    find(server.pods, name ?? '')
    const port = Number(url.searchParams.get('ports'))
    streams.handleUpgrade(request, socket, head, (stream) => {
      const announced = Buffer.from([port & 0xff, port >> 8])
      stream.send(Buffer.concat([Buffer.from([0]), announced]))
      stream.send(Buffer.concat([Buffer.from([1]), announced]))
      const target = net.connect(port, '127.0.0.1')
      target.on('data', (data: Buffer) => stream.send(Buffer.concat([Buffer.from([0]), data])))
      target.on('error', (error) =>
        stream.send(Buffer.concat([Buffer.from([1]), Buffer.from(error.message)])),
      )
      target.on('close', () => stream.close())
      stream.on('message', (data: Buffer) => {
        if (data[0] === 0) target.write(data.subarray(1))
      })
      stream.on('close', () => target.destroy())
    })
  } catch (error) {
    socket.end(`HTTP/1.1 ${error instanceof Status ? error.code : 500} Refused\r\nconnection: close\r\n\r\n`)
  }
}

/**
 * Passthrough: looks for a route's host in the ClientHello, hands the bytes on as they are, to the pod that
 * is selected.
 */
function route(server: ApiServer, socket: Socket): void {
  socket.on('error', () => undefined)
  socket.once('data', (hello: Buffer): void => {
    const found = [...server.routes.values()].find(({ spec }) => hello.includes(String(spec['host'])))
    const service = server.services.get(String((found?.spec['to'] as { name?: string })?.name))
    const selector = Object.entries((service?.spec['selector'] ?? {}) as Record<string, string>)
    const selected = [...server.pods.values()].filter(({ metadata: { labels = {} } }) =>
      selector.every(([name, value]) => labels[name] === value),
    )
    if (service === undefined || selected.length !== 1) {
      socket.destroy()
      return
    }
    const [{ targetPort } = { targetPort: 0 }] = service.spec['ports'] as { targetPort: number }[]
    const target = net.connect(targetPort, '127.0.0.1')
    target.on('error', () => socket.destroy())
    target.write(hello)
    socket.pipe(target).pipe(socket)
  })
}
