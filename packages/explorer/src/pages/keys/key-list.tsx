import type { KeyView } from '@ledgerstone/core/key-view'
import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'
import { Hash } from '../../ui/hash.tsx'
import { Empty } from '../../ui/loading.tsx'
import { SafeText } from '../../ui/safe-text.tsx'
import { Time } from '../../ui/time.tsx'
import { KeyBadge } from './key-badge.tsx'

const over: readonly KeyView['state'][] = ['expired', 'revoked', 'replaced']

/** All keys, those that count first shown; the others on request. */
export function KeyList({ keys }: { readonly keys: readonly KeyView[] }): ReactNode {
  const [search, setSearch] = useState('')
  const [purpose, setPurpose] = useState('')
  const [showsOver, setShowsOver] = useState(false)
  const wanted = search.trim().toLowerCase()
  const shown = keys.filter(
    ({ owner, kid, state, purpose: its }) =>
      (showsOver || !over.includes(state)) &&
      (purpose === '' || its === purpose) &&
      (owner.includes(wanted) || kid.toLowerCase().startsWith(wanted)),
  )
  const hidden = keys.filter(({ state }) => over.includes(state)).length
  return (
    <section aria-labelledby="registered-heading">
      <h2 id="registered-heading">Registered keys</h2>
      <div className="key-filters">
        <label className="field">
          <span className="field-label">Owner or fingerprint</span>
          <input type="search" value={search} onChange={({ target }) => setSearch(target.value)} />
        </label>
        <label className="field">
          <span className="field-label">Purpose</span>
          <select value={purpose} onChange={({ target }) => setPurpose(target.value)}>
            <option value="">any</option>
            <option value="sign">sign</option>
            <option value="receive">receive</option>
          </select>
        </label>
        <label className="row plain-check">
          <input
            type="checkbox"
            checked={showsOver}
            onChange={({ target }) => setShowsOver(target.checked)}
          />
          <span>Those that are over, too ({hidden})</span>
        </label>
      </div>
      {shown.length === 0 ? <Empty title="No key is like that" /> : <KeyTable keys={shown} />}
    </section>
  )
}

function KeyTable({ keys }: { readonly keys: readonly KeyView[] }): ReactNode {
  return (
    <table className="key-table">
      <thead>
        <tr>
          <th scope="col">Owner</th>
          <th scope="col">Purpose</th>
          <th scope="col">Fingerprint</th>
          <th scope="col">State</th>
          <th scope="col">Valid until</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.kid}>
            <th scope="row">
              <Link href={`/keys/${key.kid}`}>
                <SafeText text={key.owner} />
              </Link>
            </th>
            <td data-label="Purpose">
              {key.purpose}
              {key.roles.length > 0 && `, ${key.roles.join(', ')}`} <span className="quiet">{key.kind}</span>
            </td>
            <td data-label="Fingerprint">
              <Hash value={key.kid} />
            </td>
            <td data-label="State">
              <KeyBadge view={key} />
            </td>
            <td data-label="Valid until">
              {key.notAfter === null ? 'no end' : <Time ms={Date.parse(key.notAfter)} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
