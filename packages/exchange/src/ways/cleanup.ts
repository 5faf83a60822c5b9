// What a client that crashed has left in a cluster.
import { CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node'
import { isObject } from '@ledgerstone/core/canonical'
import {
  type Cluster,
  checkCluster,
  exchangeLabel,
  expiryAnnotation,
  explain,
  managed,
  markPod,
  tryAll,
} from './kubernetes.ts'

const routes = { group: 'route.openshift.io', version: 'v1', plural: 'routes' }

type Left = { readonly what: string; remove(): Promise<unknown> }

/**
 * Removes Routes, Services and marks of pods that were made for exchanges and have expired; with `all`, those
 * of exchanges that may be under way as well. Returns what was removed: `route exchange-019ab123`.
 */
export async function cleanUp(
  cluster: Cluster,
  { now, all = false }: { readonly now: number; readonly all?: boolean },
): Promise<readonly string[]> {
  checkCluster(cluster)
  try {
    const left = await findLeft(cluster, (expiresAt) => all || !(Date.parse(expiresAt ?? '') > now))
    await tryAll(left.map(({ remove }) => remove))
    return left.map(({ what }) => what)
  } catch (error) {
    throw explain(error)
  }
}

async function findLeft(
  cluster: Cluster,
  isLeft: (expiresAt: string | undefined) => boolean,
): Promise<readonly Left[]> {
  const { config, namespace } = cluster
  const [core, custom] = [config.makeApiClient(CoreV1Api), config.makeApiClient(CustomObjectsApi)]
  const labelSelector = Object.entries(managed)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
  const found: Left[] = []
  for (const { name, expiresAt } of itemsOf(await listRoutes(custom, namespace, labelSelector))) {
    const remove = (): Promise<unknown> => custom.deleteNamespacedCustomObject({ ...routes, namespace, name })
    if (isLeft(expiresAt)) found.push({ what: `route ${name}`, remove })
  }
  for (const { name, expiresAt } of itemsOf(await core.listNamespacedService({ namespace, labelSelector }))) {
    const remove = (): Promise<unknown> => core.deleteNamespacedService({ namespace, name })
    if (isLeft(expiresAt)) found.push({ what: `service ${name}`, remove })
  }
  const pods = await core.listNamespacedPod({ namespace, labelSelector: exchangeLabel })
  for (const { name, expiresAt } of itemsOf(pods)) {
    if (isLeft(expiresAt))
      found.push({ what: `mark of pod ${name}`, remove: () => markPod(cluster, name, null) })
  }
  return found
}

/** On a cluster that is not OpenShift there are none. */
async function listRoutes(
  custom: CustomObjectsApi,
  namespace: string,
  labelSelector: string,
): Promise<unknown> {
  try {
    return await custom.listNamespacedCustomObject({ ...routes, namespace, labelSelector })
  } catch (error) {
    if ((error as { code?: number }).code === 404) return { items: [] }
    throw error
  }
}

function itemsOf(
  list: unknown,
): readonly { readonly name: string; readonly expiresAt: string | undefined }[] {
  const items = isObject(list) && Array.isArray(list['items']) ? list['items'] : []
  return items.flatMap((item) => {
    const metadata = isObject(item) && isObject(item['metadata']) ? item['metadata'] : {}
    const annotations = isObject(metadata['annotations']) ? metadata['annotations'] : {}
    const { [expiryAnnotation]: expiresAt } = annotations
    const { name } = metadata
    return typeof name === 'string'
      ? [{ name, expiresAt: typeof expiresAt === 'string' ? expiresAt : undefined }]
      : []
  })
}
