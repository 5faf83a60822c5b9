import { Html, html, page } from './html.ts'

/** What goes wrong while signing in is said above the form; the name stays, the password never. */
export function loginPage(at: {
  action: string
  abort: string
  client: string
  name?: string
  alert?: string
}): string {
  return page(
    'Sign in',
    html`<h1>Sign in</h1>
<p>${at.client} asks you to sign in.</p>
${alertOf(at.alert)}
<form method="post" action="${at.action}">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required
 maxlength="64" value="${at.name ?? ''}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="1024">
<button type="submit">Sign in</button>
<button type="submit" class="second" formnovalidate formaction="${at.abort}">Cancel</button>
</form>`,
  )
}

/**
 * Names the client, the person, what is granted and where it goes: any program can claim to be a native
 * client.
 */
export function consentPage(at: {
  action: string
  abort: string
  client: string
  person: string
  scopes: readonly string[]
  target: string
}): string {
  const wishes = at.scopes.map((scope) => html`<li>${describeScope(scope)}</li>`)
  return page(
    'Allow access',
    html`<h1>Allow ${at.client}?</h1>
<p>You are signed in as <strong>${at.person}</strong>. ${at.client} would like to:</p>
<ul>${wishes}</ul>
<p>Your answer goes to <code>${at.target}</code>.</p>
<form method="post" action="${at.action}">
<button type="submit">Allow</button>
<button type="submit" class="second" formaction="${at.abort}">Deny</button>
</form>`,
  )
}

export function errorPage(title: string, text: string): string {
  return page(
    title,
    html`<h1>${title}</h1><p role="alert">${text}</p><p>Go back to the application and try again.</p>`,
  )
}

/**
 * `form` is oidc-provider's own, with its token against forgery; the buttons are outside of it by its design.
 */
export function signOutPage(form: string): string {
  return page(
    'Sign out',
    html`<h1>Sign out?</h1>${new Html(form)}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button type="submit" form="op.logoutForm" class="second">Stay signed in</button>`,
  )
}

export function signedOutPage(): string {
  return page('Signed out', html`<h1>Signed out</h1><p>You can close this page.</p>`)
}

function alertOf(text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<p role="alert">${text}</p>`
}

const known: Readonly<Record<string, string>> = {
  openid: 'know who you are',
  profile: 'see your name',
  offline_access: 'stay signed in',
  'append:*': 'append records to all buckets',
  'read:*': 'read all buckets',
  'read:keys': 'read the key registry',
  'manage:keys': 'change the key registry',
  'manage:exchanges': 'run key exchanges',
}

function describeScope(scope: string): string {
  const [, verb, bucket] = /^(append|read):(.+)$/.exec(scope) ?? []
  if (known[scope] !== undefined) return known[scope]
  if (verb === 'append') return `append records to ${bucket}`
  return verb === 'read' ? `read ${bucket}` : scope
}
