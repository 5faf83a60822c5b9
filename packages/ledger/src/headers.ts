import type { FastifyInstance } from 'fastify'

/**
 * What browsers are told about every answer: it is data of this origin, never a page, a frame or a script.
 * Pages say for themselves what they need. The set is that of the OWASP REST security cheat sheet; it is put
 * together once, where the usual plugin builds its middleware anew for every request.
 */
export function protectAnswers(app: FastifyInstance, publicUrl: string): void {
  const headers: Record<string, string> = {
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
  if (publicUrl.startsWith('https:')) {
    headers['strict-transport-security'] = 'max-age=31536000; includeSubDomains'
  }
  app.addHook('onRequest', (_request, reply, next) => {
    reply.headers(headers)
    next()
  })
}
