import * as crypto from 'node:crypto'

/** Markup that may be sent as it is. Made by `html` only. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Html | readonly Part[] | undefined

/**
 * Markup with values put in escaped, for text and for quoted attributes: the only two places where pages put
 * any. `Html` parts stay as they are, lists are joined, undefined is nothing.
 */
export function html(markup: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(markup.map((text, index) => text + escapePart(parts[index])).join(''))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapePart(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (Array.isArray(part)) return part.map(escapePart).join('')
  return String(part).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

const style = `
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0;background:light-dark(#f4f5f7,#15181c);color:light-dark(#1b1f24,#e8eaed)}
main{max-width:26rem;margin:8vh auto;padding:2rem;background:light-dark(#fff,#20242a);border-radius:.5rem;
box-shadow:0 1px 4px #0003}
h1{font-size:1.4rem;margin:0 0 1rem}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;
border:1px solid light-dark(#6b7280,#9ca3af);border-radius:.25rem;
background:light-dark(#fff,#15181c);color:inherit}
button{font:inherit;font-weight:600;padding:.5rem 1rem;margin:1.25rem .5rem 0 0;
border-radius:.25rem;cursor:pointer;border:1px solid #1d4ed8;background:#1d4ed8;color:#fff}
button.second{background:transparent;color:inherit;border-color:light-dark(#6b7280,#9ca3af)}
:focus-visible{outline:3px solid light-dark(#1d4ed8,#93c5fd);outline-offset:2px}
[role=alert]{padding:.75rem;border-left:4px solid #b91c1c;background:light-dark(#fef2f2,#3b1717)}
ul{padding-left:1.25rem}code{overflow-wrap:anywhere}`

const styleHash = crypto.hash('sha256', style, 'base64')

/**
 * A whole page. Its one style sheet is allowed by hash; scripts, frames, images and foreign forms are not at
 * all.
 */
export function page(title: string, main: Html): string {
  const head = html`<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - Ledgerstone</title>`
  const styled = `<style>${style}</style>`
  const body = `<body><main>${main.text}</main></body>`
  return `<!doctype html>\n<html lang="en">\n<head>${head.text}${styled}</head>\n${body}\n</html>\n`
}

/**
 * Headers of every page. `formTarget`: where a form's answer may lead besides this service; browsers apply
 * `form-action` to redirects too, so the client's own origin must be in it.
 */
export function pageHeaders(formTarget?: string): Readonly<Record<string, string>> {
  const formAction = ["'self'", ...(formTarget === undefined ? [] : [sourceOf(formTarget)])].join(' ')
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      `default-src 'none'; script-src 'none'; style-src 'sha256-${styleHash}'; form-action ${formAction}; ` +
      "frame-ancestors 'none'; base-uri 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}

/** Origin of an http(s) URL, scheme of any other. */
function sourceOf(url: string): string {
  const { protocol, origin } = new URL(url)
  return protocol === 'https:' || protocol === 'http:' ? origin : protocol
}
