import type { ReactNode } from 'react'
import type { DeskWay } from '../../desk/desk-api.ts'

type Name = Exclude<keyof DeskWay, 'via'>

const vias: Readonly<Record<DeskWay['via'], string>> = {
  direct: 'direct: to its address',
  ssh: 'ssh: through an SSH server',
  'openshift-route': 'openshift-route: OpenShift',
  'port-forward': 'port-forward: Kubernetes',
}

const fieldsOf: Readonly<Record<DeskWay['via'], readonly Name[]>> = {
  direct: ['host'],
  ssh: ['ssh'],
  'openshift-route': ['namespace', 'context', 'pod', 'routeHost'],
  'port-forward': ['namespace', 'context', 'pod'],
}

const labels: Readonly<Record<Name, string>> = {
  host: "Address (the server's, when empty)",
  ssh: 'SSH server (user@host)',
  namespace: "Namespace (the context's, when empty)",
  context: 'Context of kubectl (the current one, when empty)',
  pod: 'Pod (the one that the server names, when empty)',
  routeHost: "Host name of the route (the router's choice, when empty)",
}

/** How the port is reached from this computer, by its own ssh and its own configuration of kubectl. */
export function WayFields(props: {
  readonly way: DeskWay
  readonly onChange: (way: DeskWay) => void
}): ReactNode {
  const { way, onChange } = props
  return (
    <>
      <label className="field">
        <span className="field-label">Way to the port</span>
        <select value={way.via} onChange={({ target }) => onChange({ via: target.value as DeskWay['via'] })}>
          {Object.entries(vias).map(([via, text]) => (
            <option key={via} value={via}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {fieldsOf[way.via].map((name) => (
        <label key={name} className="field">
          <span className="field-label">{labels[name]}</span>
          <input
            required={name === 'ssh'}
            value={way[name] ?? ''}
            onChange={({ target }) => onChange(withField(way, name, target.value.trim()))}
          />
        </label>
      ))}
    </>
  )
}

function withField(way: DeskWay, name: Name, value: string): DeskWay {
  const { [name]: _, ...rest } = way
  return value === '' ? rest : { ...rest, [name]: value }
}
