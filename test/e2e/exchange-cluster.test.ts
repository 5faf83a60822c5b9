// The command line through a cluster: a double of its API server, which counts the rights that are needed,
// and the operator's manual, which grants them.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sealerConfigSchema } from '@ledgerstone/sealer/config'
import { type ApiServer, namespace, pod, startApiServer } from '../../packages/exchange/test/api-server.ts'
import { type Manifest, manifestsIn, rightsOf } from '../../packages/exchange/test/manifests.ts'
import { exchangesOf, openSides, type Sides } from './exchange-sides.ts'

const manual = readFileSync(join(import.meta.dirname, '../../docs/OPERATIONS.md'), 'utf8')
const manifests = manifestsIn(manual)

let sides: Sides
let api: ApiServer
let kubeconfig: string

before(async () => {
  sides = await openSides()
  api = await startApiServer()
  kubeconfig = join(sides.path, 'kubeconfig')
  writeFileSync(kubeconfig, api.config.exportConfig(), { mode: 0o600 })
})
after(async () => {
  await sides[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

function role(name: string): Manifest {
  const found = manifests.find((each) => each.kind === 'Role' && each.metadata.name === name)
  assert(found !== undefined, `the manual has no Role ${name}`)
  return found
}

/** Rights of several Roles together. */
function granted(...names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => rightsOf(role(name))))].sort()
}

function needed(): readonly string[] {
  const verbs = [...api.verbs].sort()
  api.verbs.clear()
  return verbs
}

function nothingLeft(): void {
  assert.deepEqual([api.services.size, api.routes.size], [0, 0])
  for (const { metadata } of api.pods.values()) assert.deepEqual(metadata.labels ?? {}, {})
}

/** Through the double's router, on a port of its own: what is dialled is not what the exchange listens on. */
const throughRouter = (): readonly string[] => [
  ...['--via', 'openshift-route', '--kubeconfig', kubeconfig, '--pod', pod],
  ...['--router-host', '127.0.0.1', '--router-port', `${api.routerPort}`],
]

async function exchanged(owner: string, ...way: readonly string[]): Promise<string> {
  const { code, stderr } = await sides.client(
    ...['exchange', '--server', sides.running.url, '--owner', owner, '--yes', ...way],
  )
  assert.equal(code, 0, stderr)
  nothingLeft()
  return stderr
}

describe('an exchange through a cluster needs the rights of the manual, all of them and no others', () => {
  test('by a passthrough route', async () => {
    const told = await exchanged('team-a', ...throughRouter())
    assert.match(told, /passthrough route and service exchange-[0-9a-f]{8} in ledger, to pod sealer-\S+ only/)
    assert.match(told, new RegExp(`the router is dialled on port ${api.routerPort} and chooses by the name`))
    const [newest] = await exchangesOf(sides.server)
    assert.match(told, new RegExp(`port ${newest?.['port']} is behind it`))
    assert.deepEqual(needed(), granted('ledgerstone-exchange-route'))
  })

  test('by a route with a host name of one’s own', async () => {
    await exchanged('team-b', ...throughRouter(), '--route-host', 'exchange.apps.example.com')
    assert.deepEqual(needed(), granted('ledgerstone-exchange-route', 'ledgerstone-exchange-route-host'))
  })

  test('by port-forward', async () => {
    const way = ['--via', 'port-forward', '--kubeconfig', kubeconfig, '--pod', pod]
    const told = await exchanged('team-c', ...way)
    assert.match(told, /is forwarded by the API server to port \d+ of pod sealer-/)
    assert.deepEqual(needed(), granted('ledgerstone-exchange-port-forward'))
  })

  test('and cleanup after a crash', async () => {
    const [name, exchange] = ['exchange-019ab123', '019ab123-4567-7000-8000-000000000001']
    const labels = {
      'app.kubernetes.io/managed-by': 'ledgerstone',
      'app.kubernetes.io/component': 'key-exchange',
      'ledgerstone.dev/exchange': exchange,
    }
    const annotations = { 'ledgerstone.dev/expires-at': '2026-11-01T00:00:00.000Z' }
    const metadata = { name, labels, annotations }
    api.services.set(name, { apiVersion: 'v1', kind: 'Service', metadata, spec: {} })
    api.routes.set(name, { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata, spec: {} })
    const marked = api.pods.get(pod)
    assert(marked !== undefined)
    marked.metadata.labels = { 'ledgerstone.dev/exchange': exchange }
    marked.metadata.annotations = { ...annotations }
    const cleanup = ['exchange', 'cleanup', '--kubeconfig', kubeconfig]
    assert.deepEqual((await sides.client.text(...cleanup)).trim().split('\n'), [
      `removed route ${name}`,
      `removed service ${name}`,
      `removed mark of pod ${pod}`,
    ])
    nothingLeft()
    assert.deepEqual(needed(), granted('ledgerstone-exchange-cleanup'))
    assert.equal(await sides.client.text(...cleanup), 'nothing was left\n')
  })

  test('and says what is forbidden', async () => {
    api.denied = /create routes$/
    const { code, stderr } = await sides.client(
      ...['exchange', '--server', sides.running.url, '--owner', 'team-d', '--yes', ...throughRouter()],
    )
    api.denied = undefined
    assert.deepEqual(
      [code, /unreachable: the API server answered 403: .*create routes/.test(stderr)],
      [4, true],
    )
    nothingLeft()
    assert.equal((await exchangesOf(sides.server))[0]?.['state'], 'cancelled')
  })
})

describe('the manifests of the manual', () => {
  test('are in one namespace, and bind Roles that are there', () => {
    assert.deepEqual(
      manifests.map(({ kind }) => kind),
      ['Role', 'Role', 'Role', 'Role', 'RoleBinding', 'NetworkPolicy'],
    )
    for (const { metadata, roleRef } of manifests) {
      assert.equal(metadata.namespace, namespace)
      if (roleRef !== undefined) assert(role(roleRef.name).kind === roleRef.kind)
    }
  })

  test('let the router through to the usual ports of exchanges, and nobody to others', () => {
    const policy = manifests.find(({ kind }) => kind === 'NetworkPolicy')
    type Schema = { readonly properties: Readonly<Record<string, Schema & { readonly default: number }>> }
    const { exchange } = (sealerConfigSchema as Schema).properties
    const { from, to } = exchange?.properties['ports']?.properties ?? {}
    // The client of the API spells `from` as `_from`.
    assert.deepEqual(JSON.parse(JSON.stringify(policy?.spec)), {
      podSelector: { matchLabels: { app: 'sealer' } },
      policyTypes: ['Ingress'],
      ingress: [
        {
          _from: [
            { namespaceSelector: { matchLabels: { 'policy-group.network.openshift.io/ingress': '' } } },
          ],
          ports: [{ protocol: 'TCP', port: from?.default, endPort: to?.default }],
        },
      ],
    })
  })
})
