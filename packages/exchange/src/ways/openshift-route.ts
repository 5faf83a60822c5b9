import { setTimeout as sleep } from 'node:timers/promises'
import { CoreV1Api, CustomObjectsApi, type V1Pod } from '@kubernetes/client-node'
import { isObject } from '@ledgerstone/core/canonical'
import { type Reached, type Target, type Way, WayFailed } from '../way.ts'
import {
  type Cluster,
  checkCluster,
  exchangeLabel,
  explain,
  markPod,
  metadataFor,
  nameFor,
  podOf,
  tryAll,
} from './kubernetes.ts'

export type RouteOptions = Cluster & {
  /** A host name for the route; the router makes one when it is absent. */
  readonly host?: string
  /** The router's port for TLS: 443. What the exchange listens on is behind it. */
  readonly routerPort?: number
  /** The address of the router, when its host name is not to be resolved. */
  readonly routerHost?: string
  /** How long the router may take to admit the route: 30,000. */
  readonly admitMs?: number
}

const routes = { group: 'route.openshift.io', version: 'v1', plural: 'routes' }

/**
 * A passthrough Route and a Service that selects just the pod that listens, for this exchange alone. The
 * router chooses by the server name (SNI) on its own port; TLS ends in the pod. Throws `bad-config`, or what
 * the API server says.
 */
export function routeWay(options: RouteOptions): Way {
  checkCluster(options)
  return { name: 'openshift-route', open: (target) => openRoute(options, target) }
}

async function openRoute(options: RouteOptions, target: Target): Promise<Reached> {
  const pod = podOf(options, target)
  const close = (): Promise<void> => removeRoute(options, target, pod)
  try {
    await createRoute(options, target, pod)
    const host = await untilAdmitted(options, target)
    const { routerPort = 443, routerHost = host } = options
    return {
      ...{ host: routerHost, port: routerPort, servername: host, settles: true, close },
      account: [
        `passthrough route and service ${nameFor(target)} in ${options.namespace}, to pod ${pod} only`,
        `the router is dialled on port ${routerPort} and chooses by the name ${host}`,
        `port ${target.port} is behind it`,
      ],
    }
  } catch (error) {
    await close().catch(() => undefined)
    throw explain(error)
  }
}

async function createRoute(options: RouteOptions, target: Target, podName: string): Promise<void> {
  const { config, namespace, host } = options
  const core = config.makeApiClient(CoreV1Api)
  const pod: V1Pod = await core.readNamespacedPod({ namespace, name: podName })
  const metadata = metadataFor(target, pod)
  await markPod(options, podName, target)
  const service = {
    ...{ apiVersion: 'v1', kind: 'Service', metadata },
    spec: {
      ...{ type: 'ClusterIP', selector: { [exchangeLabel]: target.exchange } },
      ports: [{ name: 'exchange', port: target.port, targetPort: target.port, protocol: 'TCP' }],
    },
  }
  await core.createNamespacedService({ namespace, body: service })
  const route = {
    ...{ apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata },
    spec: {
      ...(host !== undefined && { host }),
      to: { kind: 'Service', name: metadata.name, weight: 100 },
      port: { targetPort: 'exchange' },
      tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'None' },
      wildcardPolicy: 'None',
    },
  }
  await config
    .makeApiClient(CustomObjectsApi)
    .createNamespacedCustomObject({ ...routes, namespace, body: route })
}

async function untilAdmitted(
  { config, namespace, admitMs = 30_000 }: RouteOptions,
  target: Target,
): Promise<string> {
  const api = config.makeApiClient(CustomObjectsApi)
  for (const late = performance.now() + admitMs; performance.now() < late; await sleep(200)) {
    const route: unknown = await api.getNamespacedCustomObject({
      ...routes,
      namespace,
      name: nameFor(target),
    })
    const host = admittedHost(route)
    if (host !== undefined) return host
  }
  throw new WayFailed('no router has admitted the route in time')
}

/** `status.ingress[]` with a condition `Admitted` that is `True`. */
function admittedHost(route: unknown): string | undefined {
  const status = isObject(route) && isObject(route['status']) ? route['status'] : {}
  const ingress = Array.isArray(status['ingress']) ? status['ingress'] : []
  for (const each of ingress) {
    const conditions = isObject(each) && Array.isArray(each['conditions']) ? each['conditions'] : []
    const isAdmitted = conditions.some(
      (it) => isObject(it) && it['type'] === 'Admitted' && it['status'] === 'True',
    )
    if (isAdmitted && typeof each['host'] === 'string') return each['host']
  }
  return undefined
}

async function removeRoute(options: RouteOptions, target: Target, pod: string): Promise<void> {
  const { config, namespace } = options
  const name = nameFor(target)
  await tryAll([
    () => config.makeApiClient(CustomObjectsApi).deleteNamespacedCustomObject({ ...routes, namespace, name }),
    () => config.makeApiClient(CoreV1Api).deleteNamespacedService({ namespace, name }),
    () => markPod(options, pod, null),
  ])
}
