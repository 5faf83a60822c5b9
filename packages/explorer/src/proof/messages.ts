/*
 * What the page and its worker say to each other. The page asks, the worker answers under the same number;
 * the worker asks for nothing but a token, which it keeps no longer than for one request.
 *
 *     page   {id, name, input}             worker  {id, value} or {id, error}
 *     worker {token: n, rejected?}         page    {token: n, value} or {token: n, error}
 */
import type { ChangeRequest } from '@ledgerstone/client/change-request'
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import type { ChangePosted } from '@ledgerstone/client/registry-changes'
import type { EventView } from '@ledgerstone/core/key-view'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { Alarm } from './database.ts'
import type { Opened } from './open-block.ts'
import type { TrustView } from './pinned-trust.ts'
import type { KeptKey, KeyChoice } from './private-key.ts'
import type { BlockReading } from './read-block.ts'
import type { KeysReading, PemKey } from './registry-keys.ts'
import type { FileFinding } from './verify-file.ts'
import type { BlockVerdict } from './views.ts'

/** Where the ledger is, and what it is held against. */
export type Setting = {
  /** The address of the service, the page's own. */
  readonly url: string
  readonly ledger: string
  /** Text of the trust file that the desk pins. */
  readonly trust?: string
}

export type Place = { readonly bucket: string; readonly index: number }

export type HeadView = {
  readonly bucket: string
  readonly origin: string
  /** Blocks that were remembered before; absent: first sight. */
  readonly remembered?: number
  /** Since when it is remembered here, milliseconds since 1970; absent: it is not. */
  readonly since?: number
  readonly size?: number
  readonly error?: ErrorView
}

export type FileView = { readonly name: string; readonly size: number } & (
  | { readonly finding: FileFinding }
  | { readonly error: ErrorView }
)

/** Each question with what it takes and what is answered. */
export type Questions = {
  configure: { input: Setting; value: undefined }
  'read-block': { input: Place; value: BlockReading }
  'verify-block': { input: Place & { readonly shown?: string }; value: BlockVerdict }
  'open-block': { input: Place & { readonly key: KeyChoice }; value: Opened }
  /** The evidence file, verified before it is handed on. */
  evidence: { input: Place; value: string }
  'verify-files': {
    input: { readonly files: readonly File[]; readonly hash?: string }
    value: readonly FileView[]
  }
  'open-evidence': {
    input: { readonly file: File; readonly trust?: File; readonly key: KeyChoice }
    value: Opened
  }
  /** The key registry, replayed. */
  keys: { input: undefined; value: KeysReading }
  'key-history': { input: { readonly kid: string }; value: readonly EventView[] }
  'change-keys': {
    input: { readonly change: ChangeRequest<PemKey>; readonly by: PemKey }
    value: ChangePosted
  }
  heads: { input: undefined; value: readonly HeadView[] }
  trust: { input: undefined; value: TrustView | undefined }
  pin: { input: { readonly text: string }; value: TrustView }
  unpin: { input: undefined; value: undefined }
  'keep-key': {
    input: { readonly pem: string; readonly passphrase?: string; readonly name: string }
    value: KeptKey
  }
  'kept-keys': { input: undefined; value: readonly KeptKey[] }
  'forget-key': { input: { readonly kid: string }; value: undefined }
  alarms: { input: undefined; value: readonly Alarm[] }
  /** Ends an alarm; what is shown from now on is remembered instead. */
  dismiss: { input: { readonly key: string }; value: undefined }
}

export type QuestionName = keyof Questions
export type Question = {
  [N in QuestionName]: { id: number; name: N; input: Questions[N]['input'] }
}[QuestionName]
export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: ErrorView })
export type TokenQuestion = { readonly token: number; readonly rejected?: string }
export type TokenAnswer = { readonly token: number } & (
  | { readonly value: string }
  | { readonly error: ErrorView }
)

/** An error as it crosses the border of the worker, which knows no classes. */
export type ErrorView =
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'unexpected-answer'; readonly status: number; readonly message: string }
  | { readonly kind: 'unexpected'; readonly message: string }

export function viewError(error: unknown): ErrorView {
  const message = error instanceof Error ? error.message : String(error)
  // Of the session, whose classes the worker need not have.
  if (error instanceof Error && error.name === 'SessionEnded')
    return { kind: 'refused', code: 'no-token', message }
  if (error instanceof Refused) return { kind: 'refused', code: error.code, message }
  if (error instanceof Unreachable) return { kind: 'unreachable', message }
  if (error instanceof UnexpectedAnswer) return { kind: 'unexpected-answer', status: error.status, message }
  return { kind: 'unexpected', message }
}

export function errorOf(view: ErrorView): Error {
  switch (view.kind) {
    case 'refused':
      return new Refused(view.code, view.message)
    case 'unreachable':
      return new Unreachable(view.message)
    case 'unexpected-answer':
      return new UnexpectedAnswer(view.status, view.message)
    case 'unexpected':
      return new Error(view.message)
  }
}
