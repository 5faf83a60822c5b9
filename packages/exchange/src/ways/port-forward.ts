import net, { type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { PortForward } from '@kubernetes/client-node'
import { type Reached, type Target, type Way, WayFailed } from '../way.ts'
import { type Cluster, checkCluster, podOf } from './kubernetes.ts'

/**
 * Through the Kubernetes API server to the pod, as `kubectl port-forward` does: nothing is created in the
 * cluster. Needs the rights to `get` and `create` `pods/portforward`. Throws `bad-config`.
 */
export function portForwardWay(cluster: Cluster): Way {
  checkCluster(cluster)
  return { name: 'port-forward', open: (target) => openForward(cluster, target) }
}

async function openForward(cluster: Cluster, target: Target): Promise<Reached> {
  const pod = podOf(cluster, target)
  const sockets = new Set<Socket>()
  let trouble: WayFailed | undefined
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    forward(cluster, pod, target.port, socket).catch((error: unknown) => {
      trouble ??= troubleIn(error, pod)
      socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, resolve)
  })
  const { port } = server.address() as net.AddressInfo
  let closed: Promise<void> | undefined
  return {
    ...{ host: '127.0.0.1', port },
    trouble: () => trouble,
    account: [`127.0.0.1:${port} is forwarded by the API server to port ${target.port} of pod ${pod}`],
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
      return closed
    },
  }
}

/** An answer that will not be another one a moment later: 401, 403, 404. */
function troubleIn(error: unknown, pod: string): WayFailed | undefined {
  const { message = '' } = error as { readonly message?: string }
  const [, status] = /^Unexpected server response: (40[134])$/.exec(message) ?? []
  if (status === undefined) return undefined
  return new WayFailed(`the API server does not forward to pod ${pod}: it answered ${status}`)
}

/** One connection, one stream of the API server; either's end is the other's. */
async function forward(
  { config, namespace }: Cluster,
  pod: string,
  port: number,
  socket: Socket,
): Promise<void> {
  const said = new PassThrough()
  // What the API server tells of errors: the stream is of no use after that.
  said.once('data', () => socket.destroy())
  const opened = await new PortForward(config).portForward(namespace, pod, [port], socket, said, socket)
  const stream = typeof opened === 'function' ? opened() : opened
  if (stream === null || socket.destroyed) {
    stream?.close()
    socket.destroy()
    return
  }
  socket.once('close', () => stream.close())
  for (const end of ['close', 'error'] as const) stream.addEventListener(end, () => socket.destroy())
}
