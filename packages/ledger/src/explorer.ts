// Serves the explorer's build: hashed files that never change, one page for all of its addresses, and what
// the page must know of the service. Nothing is compressed here: the build has done it.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '@ledgerstone/border/app'
import { Refused } from '@ledgerstone/core/refused'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** What the page is told at `/explorer/configuration.json`. */
export type ExplorerConfiguration = {
  /** The ledger's name. */
  readonly ledger: string
  /** URL of the OAuth service at which people sign in. */
  readonly issuer: string
  readonly clientId: string
  readonly audiences: { readonly ledger: string; readonly sealer: string }
  /** What people ask for when they sign in, beside `openid`; absent: what all pages need. */
  readonly scopes?: readonly string[]
  readonly servedBy: 'ledger' | 'desk'
  /** One operator runs every part, witnesses included. */
  readonly oneOperator: boolean
  /** Text of the trust file; given only where it was pinned by the person who looks at the page. */
  readonly trust?: string
  /** Whether receivers' private keys may be used in the page. */
  readonly opening: boolean
}

export type ExplorerOptions = {
  /** What `vite build` has made: `index.html`, `assets/`, each file also as `.br` and `.gz`. */
  readonly folder: string
  readonly configuration: ExplorerConfiguration
}

/** The page's addresses, all answered with `index.html`; which page is meant is decided in the browser. */
const pages = [
  '/',
  '/buckets/:bucket',
  '/buckets/:bucket/blocks/:index',
  '/verify',
  '/keys',
  '/keys/:kid',
  '/exchange',
  '/exchange/:id',
]

/** Throws `bad-config` when the folder holds no build, or the issuer's URL has no plain host. */
export function addExplorer(app: App, { folder, configuration }: ExplorerOptions): void {
  const index = readPage(folder)
  const assets = readAssets(folder)
  const policy = pagePolicy(configuration.issuer)
  const described = JSON.stringify(configuration)
  const hidden = { schema: { hide: true } }

  for (const url of pages) {
    app.get(url, hidden, (request, reply) => {
      reply.header('content-security-policy', policy).header('cross-origin-opener-policy', 'same-origin')
      if (request.headers['if-none-match'] === index.etag) return reply.code(304).send()
      return send(request, reply.header('etag', index.etag).header('cache-control', 'no-cache'), index.file)
    })
  }
  // An address that was mistyped is answered to a person with the page, which says that there is none.
  app.get('/*', hidden, (request, reply) => {
    if (request.headers.accept?.includes('text/html') !== true) return reply.callNotFound()
    reply.header('content-security-policy', policy).header('cross-origin-opener-policy', 'same-origin')
    return send(request, reply.code(404).header('cache-control', 'no-store'), index.file)
  })
  app.get<{ Params: { '*': string } }>('/assets/*', hidden, (request, reply) => {
    const file = assets.get(request.params['*'])
    if (file === undefined) throw new Refused('unknown-route', 'the explorer has no such file')
    // A worker is a page of its own to the browser: its policy is that of its answer.
    reply.header('content-security-policy', policy)
    return send(request, reply.header('cache-control', 'public, max-age=31536000, immutable'), file)
  })
  app.get('/explorer/configuration.json', hidden, (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .header('content-type', 'application/json; charset=utf-8')
      .send(described),
  )
}

type File = {
  readonly mediaType: string
  readonly plain: Buffer
  readonly br?: Buffer
  readonly gzip?: Buffer
}

const mediaTypes: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  woff: 'font/woff',
  woff2: 'font/woff2',
}

/**
 * Scripts, styles and requests of this origin; nothing inline, nothing foreign but the sign-in service, whose
 * host may hold nothing that a policy would read: URLs take `*` and `;` in it. Throws `bad-config`.
 */
function pagePolicy(issuer: string): string {
  const { origin } = new URL(issuer)
  if (!/^https?:\/\/[a-z0-9.:[\]_-]+$/.test(origin)) {
    throw new Refused('bad-config', `the issuer's host is no host: ${JSON.stringify(origin)}`)
  }
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    `connect-src 'self' ${origin}`,
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function send(request: FastifyRequest, reply: FastifyReply, file: File): FastifyReply {
  const accepted = String(request.headers['accept-encoding'] ?? '')
  const coding = (['br', 'gzip'] as const).find((name) => file[name] && accepts(accepted, name))
  if (coding !== undefined) reply.header('content-encoding', coding)
  const body = coding === undefined ? file.plain : file[coding]
  return reply.header('vary', 'accept-encoding').header('content-type', file.mediaType).send(body)
}

/** RFC 9110 section 12.5.3, of which browsers use names and `q=0` at the most. */
function accepts(header: string, coding: string): boolean {
  return header.split(',').some((each) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase())
    return name === coding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
  })
}

function readPage(folder: string): { readonly file: File; readonly etag: string } {
  if (!existsSync(join(folder, 'index.html'))) {
    throw new Refused('bad-config', `there is no build of the explorer in ${folder}`)
  }
  const file = readFile(folder, 'index.html')
  return { file, etag: `"${createHash('sha256').update(file.plain).digest('base64url')}"` }
}

/** By name. All of them are held: together they have few megabytes. */
function readAssets(folder: string): ReadonlyMap<string, File> {
  const names = readdirSync(join(folder, 'assets')).filter((name) => !/\.(?:br|gz)$/.test(name))
  return new Map(names.map((name) => [name, readFile(join(folder, 'assets'), name)]))
}

function readFile(folder: string, name: string): File {
  const read = (ending: string): Buffer | undefined => {
    const path = join(folder, `${name}${ending}`)
    return existsSync(path) ? readFileSync(path) : undefined
  }
  const mediaType = mediaTypes[name.slice(name.lastIndexOf('.') + 1)]
  if (mediaType === undefined) throw new Refused('bad-config', `the explorer's build holds ${name}`)
  const [br, gzip] = [read('.br'), read('.gz')]
  return {
    mediaType,
    plain: readFileSync(join(folder, name)),
    ...(br !== undefined && { br }),
    ...(gzip !== undefined && { gzip }),
  }
}
