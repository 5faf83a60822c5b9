// The thread that has the document store's file open. This module is both its program and the description of
// its calls.
import type { Documents } from '@ledgerstone/log/documents'
import { serve, Thread } from '../thread.ts'
import { DocumentDatabase } from './database.ts'
import type { Tables } from './tables.ts'

type Method = Exclude<keyof Documents, symbol>
export type DocumentCalls = {
  readonly [K in Method]: (
    ...args: Parameters<Documents[K]>
  ) => Awaited<ReturnType<Documents[K]>> | ReturnType<Documents[K]>
} & { readonly open: () => void; readonly close: () => void }

const role = 'ledgerstone documents '

export function createDocumentsThread(path: string, report: (text: string) => void): Thread<DocumentCalls> {
  return new Thread<DocumentCalls>(new URL(import.meta.url), role + path, report)
}

serve<DocumentCalls>((input, report) => {
  if (!input.startsWith(role)) return undefined
  const path = input.slice(role.length)
  const opened = new DocumentDatabase(path, report)
  const ask =
    <A extends readonly unknown[], R>(question: (tables: Tables, ...args: A) => R) =>
    (...args: A): R =>
      opened.ask((tables) => question(tables, ...args))
  return {
    open: () => undefined,
    close: () => opened.close(),
    complete: ask((tables, bucket) => tables.complete(bucket)),
    put: ask((tables, bucket, from, documents) => tables.put(bucket, from, documents)),
    find: ask((tables, bucket, filter, page) => tables.find(bucket, filter, page)),
    findHash: ask((tables, bucket, hash) => tables.findHash(bucket, hash)),
    read: ask((tables, bucket, from, limit) => tables.read(bucket, from, limit)),
    faults: ask((tables) => tables.faults()),
    drop: async (bucket) => {
      opened.ask((tables) => tables.drop(bucket))
      await opened.sweep()
    },
  }
})
