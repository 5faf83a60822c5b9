// `ledgerstone ca`: certificates for exchanges out of one hand. What counts in an exchange is the SHA-256 of
// the one certificate; the CA is for people, who know then where it comes from.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCa, describeCertificate, issueIdentity } from '@ledgerstone/exchange/certificate'
import { type IdentityFiles, keepCa, keepIssued, readCa } from '../ca-folder.ts'
import { dataFolder } from '../data-folder.ts'
import { outputOf } from '../output.ts'

export type CaOptions = {
  readonly data: string
  readonly json?: boolean
  /** The CA's folder, when it is not that of the data folder. */
  readonly ca?: string
}

export async function initCa(
  options: CaOptions & { readonly name: string; readonly days: number },
): Promise<void> {
  const { name, days } = options
  const ca = await createCa({ name, days, now: Date.now() })
  show(options, ca.certificate, keepCa(folderOf(options), ca))
}

export async function issue(name: string, options: CaOptions & { readonly days: number }): Promise<void> {
  const folder = folderOf(options)
  const identity = await issueIdentity(readCa(folder), { name, days: options.days, now: Date.now() })
  show(options, identity.certificate, keepIssued(folder, name, identity))
}

/** Of a file, or of the CA. */
export function showCertificate(file: string | undefined, options: CaOptions): void {
  show(options, readFileSync(file ?? join(folderOf(options), 'ca.pem'), 'utf8'))
}

function folderOf({ data, ca }: CaOptions): string {
  return ca ?? dataFolder(data).ca
}

function show(options: CaOptions, pem: string, files?: IdentityFiles): void {
  const { subject, issuer, fingerprint, notBefore, notAfter, isCa } = describeCertificate(pem)
  const [from, to] = [notBefore, notAfter].map((ms) => new Date(ms).toISOString())
  const written = files === undefined ? [] : [`written    ${files.certificate}, ${files.key}`]
  outputOf(options).result(
    { subject, issuer, fingerprint, notBefore: from, notAfter: to, isCa, ...files },
    [
      `subject    ${subject}${isCa ? ' (a CA)' : ''}`,
      `issuer     ${issuer}`,
      `SHA-256    ${fingerprint}`,
      `valid      ${from} to ${to}`,
      ...written,
    ].join('\n'),
  )
}
