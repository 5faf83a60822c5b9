// What the two ways through a cluster share: the pod, and names and marks by which what was made for an
// exchange is found again.
import {
  ApiException,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node'
import { isObject } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'
import { formatTime } from '@ledgerstone/core/time'
import { type Target, WayFailed } from '../way.ts'

export type Cluster = {
  readonly config: KubeConfig
  readonly namespace: string
  /** The pod that listens, when the server does not say which one it is. */
  readonly pod?: string
}

/** On everything that is made for an exchange. */
export const managed = {
  'app.kubernetes.io/managed-by': 'ledgerstone',
  'app.kubernetes.io/component': 'key-exchange',
}
/** On it, and on the one pod that its Service selects. */
export const exchangeLabel = 'ledgerstone.dev/exchange'
export const expiryAnnotation = 'ledgerstone.dev/expires-at'

/** RFC 1123 labels: names of namespaces; of pods they may have dots. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const podName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/

/**
 * As kubectl would: KUBECONFIG, ~/.kube/config, or the pod's own account. `context`: another than the current
 * one.
 */
export function readKubeConfig(path?: string, context?: string): KubeConfig {
  const config = new KubeConfig()
  if (path === undefined) config.loadFromDefault()
  else config.loadFromFile(path)
  if (context !== undefined) {
    if (config.getContextObject(context) === null)
      throw new Refused('bad-config', `there is no context ${context}`)
    config.setCurrentContext(context)
  }
  return config
}

/** Throws `bad-config`. The name ends up in paths of the API server. */
export function checkCluster({ namespace, pod }: Cluster): void {
  if (!label.test(namespace)) throw new Refused('bad-config', 'not a name of a namespace')
  if (pod !== undefined && !podName.test(pod)) throw new Refused('bad-config', 'not a name of a pod')
}

/** The server's word for which pod it is counts first. Throws `bad-config` when nobody says. */
export function podOf({ pod }: Cluster, { instance }: Target): string {
  const name = instance ?? pod
  if (name === undefined)
    throw new Refused('bad-config', 'the server does not say in which pod it listens; name it')
  if (!podName.test(name)) throw new Refused('bad-config', 'not a name of a pod')
  return name
}

/** Short, for a router makes one label of a host name of it and the namespace. */
export function nameFor({ exchange }: Target): string {
  return `exchange-${exchange.slice(0, 8)}`
}

/** Metadata by which a thing is found and removed: also by the cluster itself, when the pod is gone. */
export function metadataFor(
  target: Target,
  pod: V1Pod,
): {
  readonly name: string
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
  readonly ownerReferences: { apiVersion: string; kind: string; name: string; uid: string }[]
} {
  const { name = '', uid = '' } = pod.metadata ?? {}
  return {
    name: nameFor(target),
    labels: { ...managed, [exchangeLabel]: target.exchange },
    annotations: { [expiryAnnotation]: formatTime(target.expiresAt) },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
  }
}

/** Sets or, with null, removes the mark that the Service selects by. */
export async function markPod(
  { config, namespace }: Cluster,
  name: string,
  target: Pick<Target, 'exchange' | 'expiresAt'> | null,
): Promise<void> {
  const metadata = {
    labels: { [exchangeLabel]: target?.exchange ?? null },
    annotations: { [expiryAnnotation]: target === null ? null : formatTime(target.expiresAt) },
  }
  const patch = { namespace, name, body: { metadata } }
  await config
    .makeApiClient(CoreV1Api)
    .patchNamespacedPod(patch, setHeaderOptions('Content-Type', PatchStrategy.MergePatch))
}

/** What is gone already needs no removing. */
async function unlessGone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal
  } catch (error) {
    if (!(error instanceof ApiException && error.code === 404)) throw error
  }
}

/** Removals all of which are tried; the first failure is thrown then. */
export async function tryAll(removals: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const removal of removals) await unlessGone(removal()).catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

/** What the API server said, on one line: its client's message is the whole answer. */
export function explain(error: unknown): Error {
  if (!(error instanceof ApiException)) return error instanceof Error ? error : new Error(String(error))
  const said = messageIn(error.body)
    .replaceAll(/[^\x20-\x7e]/g, ' ')
    .slice(0, 300)
  return new WayFailed(`the API server answered ${error.code}: ${said}`, { cause: error })
}

/** Of a `Status` (meta/v1), as text or parsed. */
function messageIn(body: unknown): string {
  try {
    const status: unknown = typeof body === 'string' ? JSON.parse(body) : body
    return isObject(status) && typeof status['message'] === 'string' ? status['message'] : ''
  } catch {
    return ''
  }
}
