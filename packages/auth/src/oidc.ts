// oidc-provider prints a warning at import on runtimes that it does not know as LTS yet. It would be the
// first line that everybody sees of Ledgerstone, whose tests run the pinned versions of both together, so
// that line is dropped.
const { warn } = console
console.warn = (...line: unknown[]): void => {
  if (!String(line[0]).includes('Unsupported runtime')) warn(...line)
}
const oidc: typeof import('oidc-provider') = await import('oidc-provider')
console.warn = warn

export const Provider: typeof oidc.Provider = oidc.Provider
export const interactionPolicy: typeof oidc.interactionPolicy = oidc.interactionPolicy
export const errors: typeof oidc.errors = oidc.errors
