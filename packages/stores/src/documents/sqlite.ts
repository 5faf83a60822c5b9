// The document store over SQLite, in a thread of its own: a long query or a large page write holds up nobody
// else.
import { Refused } from '@ledgerstone/core/refused'
import type { BlockDocument, DocumentFilter, DocumentPage, Documents } from '@ledgerstone/log/documents'
import type { Thread } from '../thread.ts'
import type { DocumentCalls } from './sqlite-thread.ts'
import { createDocumentsThread } from './sqlite-thread.ts'

export class SqliteDocuments implements Documents {
  readonly #thread: Thread<DocumentCalls>
  readonly #report: (text: string) => void

  private constructor(path: string, report: (text: string) => void) {
    this.#thread = createDocumentsThread(path, report)
    this.#report = report
  }

  /**
   * Opens the file, making it where there is none; one that is broken or of another version is moved aside,
   * which `report` is told, and an empty one made. Where it cannot be opened at all, `report` is told that
   * too: each question tries again, and rejects until it can be. Throws `store-busy` when another process has
   * it open.
   */
  static async open(path: string, report: (text: string) => void): Promise<SqliteDocuments> {
    const documents = new SqliteDocuments(path, report)
    try {
      await documents.#thread.ask('open')
    } catch (cause) {
      await documents.#thread[Symbol.asyncDispose]()
      if (cause instanceof Refused && cause.code === 'store-busy') throw cause
      report(`${path} cannot be opened (${String(cause)}); all else goes on, and it is tried again`)
    }
    return documents
  }

  async complete(bucket: string): Promise<number> {
    return await this.#thread.ask('complete', bucket)
  }

  async put(bucket: string, from: number, documents: readonly BlockDocument[]): Promise<void> {
    await this.#thread.ask('put', bucket, from, documents)
  }

  async find(
    bucket: string,
    filter: DocumentFilter,
    page: { readonly from: number; readonly limit: number; readonly order?: 'ascending' | 'descending' },
  ): Promise<DocumentPage> {
    return await this.#thread.ask('find', bucket, filter, page)
  }

  async findHash(bucket: string, hash: string): Promise<number | undefined> {
    return await this.#thread.ask('findHash', bucket, hash)
  }

  async read(bucket: string, from: number, limit: number): Promise<readonly BlockDocument[]> {
    return await this.#thread.ask('read', bucket, from, limit)
  }

  async drop(bucket: string): Promise<void> {
    await this.#thread.ask('drop', bucket)
  }

  async faults(): Promise<readonly string[]> {
    return await this.#thread.ask('faults')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#thread.isRunning) await this.#thread.ask('close')
    } catch (error) {
      this.#report(`the document store was not closed: ${String(error)}`)
    } finally {
      await this.#thread[Symbol.asyncDispose]()
    }
  }
}
