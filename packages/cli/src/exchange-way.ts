// Which way leads to the port of an exchange, by the options of the command line. What talks to clusters is
// loaded only when it is needed.
import { Refused } from '@ledgerstone/core/refused'
import type { Way } from '@ledgerstone/exchange/way'
import { directWay } from '@ledgerstone/exchange/ways/direct'
import type { Cluster } from '@ledgerstone/exchange/ways/kubernetes'
import { sshWay } from '@ledgerstone/exchange/ways/ssh'

export type ClusterOptions = {
  readonly kubeconfig?: string
  readonly context?: string
  /** Absent: that of the context. */
  readonly namespace?: string
  readonly pod?: string
}

export type WayOptions = ClusterOptions & {
  readonly via: WayName
  readonly host?: string
  readonly ssh?: string
  readonly sshPort?: number
  readonly sshIdentity?: string
  readonly sshKnownHosts?: string
  readonly sshRemoteHost?: string
  readonly routeHost?: string
  readonly routerHost?: string
  readonly routerPort?: number
}

export type WayName = 'direct' | 'ssh' | 'openshift-route' | 'port-forward'

const inCluster = ['kubeconfig', 'context', 'namespace', 'pod'] as const

/** What each way can be told; anything else would be a misunderstanding. */
const optionsOf: Readonly<Record<WayName, readonly (keyof WayOptions)[]>> = {
  direct: ['host'],
  ssh: ['ssh', 'sshPort', 'sshIdentity', 'sshKnownHosts', 'sshRemoteHost'],
  'openshift-route': [...inCluster, 'routeHost', 'routerHost', 'routerPort'],
  'port-forward': inCluster,
}

/** `server`: the URL of the sealer. Throws `bad-config`. */
export async function wayOf(options: WayOptions, server: string): Promise<Way> {
  const { via } = options
  checkOptions(options)
  switch (via) {
    case 'direct':
      return directWay(options.host ?? new URL(server).hostname.replaceAll(/[[\]]/g, ''))
    case 'ssh':
      return sshWayOf(options)
    case 'openshift-route':
      return routeWayOf(options)
    case 'port-forward': {
      const { portForwardWay } = await import('@ledgerstone/exchange/ways/port-forward')
      return portForwardWay(await clusterOf(options))
    }
  }
}

/** As kubectl would find it. Throws `bad-config`. */
export async function clusterOf({ kubeconfig, context, namespace, pod }: ClusterOptions): Promise<Cluster> {
  const { readKubeConfig } = await import('@ledgerstone/exchange/ways/kubernetes')
  const config = readKubeConfig(kubeconfig, context)
  const current = config.getContextObject(config.getCurrentContext())
  return {
    config,
    namespace: namespace ?? current?.namespace ?? 'default',
    ...(pod !== undefined && { pod }),
  }
}

function checkOptions(options: WayOptions): void {
  const names = new Set(Object.values(optionsOf).flat())
  for (const name of names) {
    if (options[name] === undefined || optionsOf[options.via].includes(name)) continue
    throw new Refused('bad-config', `--${dashed(name)} is not an option of the way ${options.via}`)
  }
}

function sshWayOf({ ssh, sshPort, sshIdentity, sshKnownHosts, sshRemoteHost }: WayOptions): Way {
  if (ssh === undefined) throw new Refused('bad-config', 'the way ssh needs --ssh user@host')
  return sshWay({
    destination: ssh,
    ...(sshPort !== undefined && { port: sshPort }),
    ...(sshIdentity !== undefined && { identityFile: sshIdentity }),
    ...(sshKnownHosts !== undefined && { knownHostsFile: sshKnownHosts }),
    ...(sshRemoteHost !== undefined && { remoteHost: sshRemoteHost }),
  })
}

async function routeWayOf(options: WayOptions): Promise<Way> {
  const { routeWay } = await import('@ledgerstone/exchange/ways/openshift-route')
  const { routeHost, routerHost, routerPort } = options
  return routeWay({
    ...(await clusterOf(options)),
    ...(routeHost !== undefined && { host: routeHost }),
    ...(routerHost !== undefined && { routerHost }),
    ...(routerPort !== undefined && { routerPort }),
  })
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
