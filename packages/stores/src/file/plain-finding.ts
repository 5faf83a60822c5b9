/** A finding with the bare name of its file. */
export type PlainFinding = {
  readonly file: string
  readonly offset?: number
  readonly what: string
  readonly block?: number
}
