// How the client reaches the port: each way is one small file in ways/. It makes what it needs for this one
// exchange, and takes it away again.

/** No way to the port: what ssh, the cluster or the network says. Not a refusal by the other side. */
export class WayFailed extends Error {
  override readonly name = 'WayFailed'
}

export type Target = {
  /** UUID. */
  readonly exchange: string
  /** On which the server listens. */
  readonly port: number
  /** The replica (pod) that listens, when there are several. */
  readonly instance?: string
  /** Milliseconds since 1970, by the server's clock: after it nothing of the way is needed. */
  readonly expiresAt: number
}

export type Reached = {
  readonly host: string
  readonly port: number
  /** SNI. */
  readonly servername?: string
  /** What was made, for people: one line each. */
  readonly account: readonly string[]
  /**
   * True when somebody else may answer at this address for a while: a router that does not know the route
   * yet.
   */
  readonly settles?: boolean
  /** Why this way leads nowhere, once that is known: trying again is of no use then. */
  readonly trouble?: () => WayFailed | undefined
  /** Takes away what was made. May be called twice. */
  close(): Promise<void>
}

export type Way = { readonly name: string; open(target: Target): Promise<Reached> }
