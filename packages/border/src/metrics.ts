import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** From a cached read (0.1 ms) to a request that is about to time out. */
const durationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]

/**
 * A registry of its own per app, so that tests and several services in one process do not meet in a global
 * one.
 */
export function createMetrics(service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  return registry
}

/**
 * Times every request of the app, by route pattern and not by path: names that callers choose must not become
 * labels. Register it before the routes.
 */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const durations = new Histogram({
    name: 'ledgerstone_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: durationBuckets,
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, next) => {
    const route = request.routeOptions.url ?? 'none'
    const status = String(reply.statusCode)
    durations.observe({ method: request.method, route, status }, reply.elapsedTime / 1000)
    next()
  })
}

/**
 * `GET /metrics` in Prometheus text format, behind `guard` when one is given: numbers tell a business's
 * volume.
 */
export function addMetrics(app: FastifyInstance, registry: Registry, guard?: onRequestHookHandler): void {
  app.get('/metrics', guard === undefined ? {} : { onRequest: guard }, async (_request, reply) => {
    reply.header('content-type', registry.contentType).header('cache-control', 'no-store')
    return registry.metrics()
  })
}
