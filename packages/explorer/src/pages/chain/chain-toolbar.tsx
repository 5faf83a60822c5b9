import { type FormEvent, type ReactNode, useId, useState } from 'react'
import type { Sender } from '../../api/owners.ts'
import type { Filters } from './filters.ts'
import { useIsNarrow } from './use-card-height.ts'

type FilterProps = {
  readonly filters: Filters
  readonly senders: readonly Sender[]
  /** Types that were seen on the page, to choose from. */
  readonly types: readonly string[]
  onFilter(filters: Filters): void
}

/** Filters, and the way to a block. `onJump` rejects with what to tell the person. */
export function ChainToolbar(props: FilterProps & { onJump(text: string): Promise<void> }): ReactNode {
  const { onJump, ...rest } = props
  const isNarrow = useIsNarrow()
  const isFiltered = Object.values(rest.filters).some((value) => value !== '')
  const fields = <FilterFields {...rest} isFiltered={isFiltered} />
  return (
    <search className="chain-toolbar">
      <Jump onJump={onJump} />
      {isNarrow ? (
        <details open={isFiltered}>
          <summary>Filter</summary>
          <div className="chain-fields">{fields}</div>
        </details>
      ) : (
        fields
      )}
    </search>
  )
}

function FilterFields(props: FilterProps & { readonly isFiltered: boolean }): ReactNode {
  const { filters, senders, types, isFiltered, onFilter } = props
  const listId = useId()
  const change = (name: keyof Filters) => (value: string) => onFilter({ ...filters, [name]: value })
  return (
    <>
      <Field label="Type">
        {(id) => (
          <>
            <Settled id={id} list={listId} value={filters.type} onSettle={change('type')} placeholder="any" />
            <datalist id={listId}>
              {types.map((type) => (
                <option key={type} value={type} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label="Sender">
        {(id) => (
          <select id={id} value={filters.sender} onChange={(event) => change('sender')(event.target.value)}>
            <option value="">any</option>
            {senders.map(({ kid, owner }) => (
              <option key={kid} value={kid}>
                {owner} ({kid.slice(0, 6)}…)
              </option>
            ))}
            {filters.sender !== '' && !senders.some(({ kid }) => kid === filters.sender) && (
              <option value={filters.sender}>{filters.sender.slice(0, 12)}…</option>
            )}
          </select>
        )}
      </Field>
      <Field label="From (UTC)">
        {(id) => <Settled id={id} type="date" value={filters.from} onSettle={change('from')} />}
      </Field>
      <Field label="To (UTC)">
        {(id) => <Settled id={id} type="date" value={filters.to} onSettle={change('to')} />}
      </Field>
      <button
        type="button"
        className="button"
        disabled={!isFiltered}
        onClick={() => onFilter({ type: '', sender: '', from: '', to: '' })}
      >
        Clear
      </button>
    </>
  )
}

function Field(props: { readonly label: string; readonly children: (id: string) => ReactNode }): ReactNode {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.children(id)}
    </div>
  )
}

/** Counts when it is left or Enter is pressed, not with every key. */
function Settled(props: {
  readonly id: string
  readonly value: string
  readonly type?: 'date'
  readonly list?: string
  readonly placeholder?: string
  onSettle(value: string): void
}): ReactNode {
  const { value, onSettle, type = 'text', ...rest } = props
  return (
    <input
      {...rest}
      type={type}
      key={value}
      defaultValue={value}
      autoComplete="off"
      onBlur={(event) => event.target.value !== value && onSettle(event.target.value.trim())}
      onKeyDown={(event) => event.key === 'Enter' && onSettle(event.currentTarget.value.trim())}
    />
  )
}

function Jump({ onJump }: { onJump(text: string): Promise<void> }): ReactNode {
  const id = useId()
  const [failure, setFailure] = useState<string>()
  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    const text = String(new FormData(event.currentTarget).get('target') ?? '')
    setFailure(undefined)
    try {
      await onJump(text)
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <form className="field chain-jump" onSubmit={(event) => void submit(event)}>
      <label htmlFor={id}>Go to an index, a hash or a date</label>
      <div className="row">
        <input
          id={id}
          name="target"
          autoComplete="off"
          spellCheck={false}
          placeholder="420, hash, 2026-11-23"
          aria-invalid={failure !== undefined}
          aria-describedby={`${id}-said`}
        />
        <button type="submit" className="button">
          Go
        </button>
      </div>
      <p id={`${id}-said`} className="field-error" role="status">
        {failure}
      </p>
    </form>
  )
}
