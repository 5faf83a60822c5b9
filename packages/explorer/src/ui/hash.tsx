import { type ReactNode, useState } from 'react'
import { shortHash } from './short-hash.ts'

/** A hash, key id or fingerprint: shortened in its middle, and copied whole. `plain`: without the button. */
export function Hash(props: {
  readonly value: string
  /** All of it. */
  readonly full?: boolean
  readonly plain?: boolean
}): ReactNode {
  const { value, full = false, plain = false } = props
  const short = shortHash(value)
  return (
    <span className="hash" data-full={full}>
      <code title={full ? undefined : value}>{full ? value : short}</code>
      {!plain && <CopyButton text={value} label={`Copy ${short}`} />}
    </span>
  )
}

const toldMs = 1500

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [told, setTold] = useState<'copied' | 'failed'>()
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text)
      setTold('copied')
    } catch {
      setTold('failed') // no permission: the title of the text still has all of it
    }
    setTimeout(() => setTold(undefined), toldMs)
  }
  return (
    <>
      <button type="button" className="copy" aria-label={label} title={label} onClick={copy}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          {told === undefined ? (
            <path d="M5.500 5.500v-3h8v8h-3M2.500 5.500h8v8h-8z" />
          ) : (
            <path d={told === 'copied' ? 'm3 8.500 3.500 3.500 6.500-8' : 'm4 4 8 8m0-8-8 8'} />
          )}
        </svg>
      </button>
      <span role="status" className="visually-hidden">
        {told}
      </span>
    </>
  )
}
