// The manifests in a page of the documentation, and what a Role in them allows.
import { loadAllYaml } from '@kubernetes/client-node'

export type Manifest = {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly rules?: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
  readonly roleRef?: { readonly kind: string; readonly name: string }
  readonly spec?: unknown
}

export function manifestsIn(markdown: string): readonly Manifest[] {
  return [...markdown.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, yaml = '']) => loadAllYaml(yaml))
}

/** `create routes`, sorted, as the double of the API server spells it. Groups must be those of the kinds. */
export function rightsOf({ rules = [] }: Manifest): readonly string[] {
  return rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) => {
        const group = resource.startsWith('routes') ? 'route.openshift.io' : ''
        if (apiGroups.length !== 1 || apiGroups[0] !== group) throw new Error(`the group of ${resource}`)
        return verbs.map((verb) => `${verb} ${resource}`)
      }),
    )
    .sort()
}
