// Secrets that stand in the environment. Every program that is started from here would inherit them: a
// browser, ssh, and whatever a kubeconfig names to sign in by.

type SecretName = 'LEDGERSTONE_PASSPHRASE' | 'LEDGERSTONE_TOKEN'

const names: readonly SecretName[] = ['LEDGERSTONE_PASSPHRASE', 'LEDGERSTONE_TOKEN']
const taken = new Map<SecretName, string>()

/** From now on they are known here alone. */
export function takeSecrets(): void {
  for (const name of names) {
    const secret = process.env[name]
    if (secret !== undefined) taken.set(name, secret)
    delete process.env[name]
  }
}

export function secretOf(name: SecretName): string | undefined {
  return taken.get(name) ?? process.env[name]
}
