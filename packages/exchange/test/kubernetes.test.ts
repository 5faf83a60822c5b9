// The two ways through a cluster, against a double of its API server.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { until } from '../../core/test/until.ts'
import { runExchange } from '../src/client.ts'
import { cleanUp } from '../src/ways/cleanup.ts'
import { readKubeConfig } from '../src/ways/kubernetes.ts'
import { routeWay } from '../src/ways/openshift-route.ts'
import { portForwardWay } from '../src/ways/port-forward.ts'
import { type ApiServer, namespace, pod, startApiServer } from './api-server.ts'
import { listening } from './listening.ts'
import { runOf, serve } from './serving.ts'

after(() => assert.deepEqual(listening(), []))

function nothingLeft({ services, routes, pods }: ApiServer): void {
  assert.deepEqual([services.size, routes.size], [0, 0])
  for (const { metadata } of pods.values()) assert.deepEqual(metadata.labels ?? {}, {})
}

function routeOf({ config, routerPort }: ApiServer, more: object = {}): ReturnType<typeof routeWay> {
  return routeWay({ config, namespace, routerHost: '127.0.0.1', routerPort, ...more })
}

describe('openshift-route', () => {
  test('an exchange goes through a passthrough route, of which nothing is left', async () => {
    await using api = await startApiServer()
    await using served = await serve({ instance: pod })
    const seen: string[] = []
    const run = runOf(served, { way: routeOf(api) })
    const onStep: typeof run.onStep = (step) => {
      run.onStep(step)
      if (step.step !== 'mutual') return
      const [route] = api.routes.values()
      const [service] = api.services.values()
      seen.push(String(route?.metadata.name), String(service?.metadata.name))
      assert.match(String(service?.metadata.annotations?.['ledgerstone.dev/expires-at']), /^\d{4}-.*Z$/)
      assert.deepEqual(service?.spec['selector'], api.pods.get(pod)?.metadata.labels)
    }
    await runExchange({ ...run, onStep })
    assert.equal(served.registered.size, 2)
    assert.match(seen.join(), /^exchange-([0-9a-f]{8}),exchange-\1$/)
    assert.match(run.steps.join('\n'), /the router is dialled on port \d+ and chooses by the name exchange-/)
    nothingLeft(api)
    const needed = [
      'create routes',
      'create services',
      'delete routes',
      'delete services',
      'get pods',
      'get routes',
      'patch pods',
    ]
    assert.deepEqual([...api.verbs].sort(), needed)
  })

  test('what was made is removed when a later step is forbidden, and the reason is told', async () => {
    for (const denied of [/patch pods/, /create services/, /create routes/, /get routes/]) {
      await using api = await startApiServer()
      await using served = await serve({ instance: pod })
      api.denied = denied
      await assert.rejects(
        runExchange(runOf(served, { way: routeOf(api) })),
        /the API server answered 403: .*cannot/,
      )
      nothingLeft(api)
      assert.equal(served.exchanges.list()[0]?.state, 'cancelled')
    }
  })

  test('a route that no router admits, and a pod that is not there, leave nothing', async () => {
    await using api = await startApiServer()
    api.admits = false
    await using served = await serve({ instance: pod })
    const run = runOf(served, { way: routeOf(api, { admitMs: 300 }) })
    await assert.rejects(runExchange(run), /no router has admitted/)
    nothingLeft(api)
    await using elsewhere = await serve({ instance: 'another-pod' })
    await assert.rejects(runExchange(runOf(elsewhere, { way: routeOf(api) })), /answered 404/)
    nothingLeft(api)
  })

  test('names that would lead elsewhere in the API are refused', () => {
    const { config } = { config: {} as never }
    for (const name of ['a/b', '..', '', 'A']) {
      assert.throws(() => routeWay({ config, namespace: name }), { code: 'bad-config' })
      assert.throws(() => portForwardWay({ config, namespace, pod: name }), { code: 'bad-config' })
    }
  })
})

describe('the configuration of kubectl', () => {
  test('is read, and another context can be chosen', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kube-'))
    const path = join(folder, 'config')
    const cluster = (name: string): object => ({ name, cluster: { server: `https://${name}.example.com` } })
    const context = (name: string): object => ({ name, context: { cluster: name, user: 'u' } })
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'a', users: [{ name: 'u', user: {} }] },
      ...{ clusters: ['a', 'b'].map(cluster), contexts: ['a', 'b'].map(context) },
    }
    writeFileSync(path, JSON.stringify(config))
    assert.equal(readKubeConfig(path).getCurrentCluster()?.server, 'https://a.example.com')
    assert.equal(readKubeConfig(path, 'b').getCurrentCluster()?.server, 'https://b.example.com')
    assert.throws(() => readKubeConfig(path, 'c'), { code: 'bad-config' })
    rmSync(folder, { recursive: true })
  })
})

describe('cleanup', () => {
  test('removes what a client that crashed has left, once it has expired, and nothing else', async () => {
    await using api = await startApiServer()
    const now = Date.now()
    const target = { port: 20_001, instance: pod }
    const old = { ...target, exchange: '019ab123-4567-7000-8000-000000000001', expiresAt: now - 1000 }
    const live = { ...target, exchange: '029ab123-4567-7000-8000-000000000002', expiresAt: now + 60_000 }
    for (const each of [old, live]) await routeOf(api).open(each)
    api.services.set('other', {
      ...{ apiVersion: 'v1', kind: 'Service', spec: {} },
      metadata: { name: 'other', labels: { 'app.kubernetes.io/managed-by': 'somebody' } },
    })
    const cluster = { config: api.config, namespace }
    assert.deepEqual(await cleanUp(cluster, { now }), [
      'route exchange-019ab123',
      'service exchange-019ab123',
    ])
    assert.deepEqual([...api.services.keys()], ['exchange-029ab123', 'other'])
    const rest = ['route exchange-029ab123', 'service exchange-029ab123', `mark of pod ${pod}`]
    assert.deepEqual(await cleanUp(cluster, { now, all: true }), rest)
    assert.deepEqual([...api.services.keys()], ['other'])
    assert.deepEqual(await cleanUp(cluster, { now, all: true }), [])
  })

  test('says what it may not do', async () => {
    await using api = await startApiServer()
    api.denied = /list services/
    await assert.rejects(cleanUp({ config: api.config, namespace }, { now: 0 }), /answered 403/)
  })
})

describe('port-forward', () => {
  test('an exchange goes through the API server, and nothing is made in the cluster', async () => {
    await using api = await startApiServer()
    await using served = await serve({ instance: pod })
    const run = runOf(served, { way: portForwardWay({ config: api.config, namespace }) })
    await runExchange(run)
    assert.equal(served.registered.size, 2)
    assert.match(run.steps.join('\n'), /is forwarded by the API server to port \d+ of pod sealer-/)
    assert.deepEqual([...api.verbs], ['get pods/portforward', 'create pods/portforward'])
    await until(() => api.streams() === 0, 'the streams are closed')
    nothingLeft(api)
  })

  test('takes the pod that it is told when the server does not say which one it is', async () => {
    await using api = await startApiServer()
    await using served = await serve()
    const { config } = api
    await assert.rejects(runExchange(runOf(served, { way: portForwardWay({ config, namespace }) })), {
      code: 'bad-config',
    })
    await runExchange(runOf(served, { way: portForwardWay({ config, namespace, pod }) }))
    assert.equal(served.registered.size, 2)
  })

  test('that is forbidden, or to a pod that is not there, ends at once with the reason', async () => {
    for (const [instance, denied, why] of [
      [pod, /create pods.portforward/, /does not forward .*403/],
      ['another-pod', undefined, /does not forward .*404/],
    ] as const) {
      await using api = await startApiServer()
      api.denied = denied
      await using served = await serve({ instance })
      const run = runOf(served, { way: portForwardWay({ config: api.config, namespace }) })
      await assert.rejects(runExchange(run), why)
      assert.equal(served.registered.size, 0)
      assert.equal(served.exchanges.list()[0]?.state, 'cancelled')
    }
  })
})
