import type { KoaContextWithOIDC, interactionPolicy as Policies } from 'oidc-provider'
import { interactionPolicy } from './oidc.ts'

/**
 * When people are asked, as oidc-provider does it, but for one check of its own. It asks for consent at every
 * sign-in to a native client, because any program of the computer can listen on some port and take the answer
 * (RFC 8252 section 8.6). Where the answer goes to an address that stands in the client's registration as it
 * is, port included, nobody else can take it: that is the explorer as the ledger serves it, which after a
 * reload asks without a page in between (`prompt=none`). An address on loopback without a port is registered
 * for any port, so it does not count as port 80.
 */
export function promptPolicy(): Policies.DefaultPolicy {
  const { base, Check } = interactionPolicy
  const policy = base()
  const checks = policy.get('consent')?.checks
  checks?.remove('native_client_prompt')
  checks?.add(
    new Check(
      'native_client_prompt',
      'native clients on a port of their own require End-User interaction',
      'interaction_required',
      ({ oidc }: KoaContextWithOIDC) => {
        const { client, params, result } = oidc
        const target = String(params?.['redirect_uri'])
        const isRegistered = client?.redirectUris?.includes(target) === true && !isAnyPort(target)
        const mustAsk = client?.applicationType === 'native' && !isRegistered && result?.consent === undefined
        return mustAsk ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT
      },
    ),
    0,
  )
  return policy
}

function isAnyPort(target: string): boolean {
  const { protocol, hostname, port } = new URL(target)
  return protocol === 'http:' && port === '' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}
