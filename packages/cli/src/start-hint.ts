// What to type when nothing answers where the services of a data folder were last started.
import { serverOf } from './connect.ts'
import { dataFolder, dataOption } from './data-folder.ts'

const portByDefault = '8400'

/** ` (is it running? npm start)`; empty when what did not answer, by `told`, is no service of that folder. */
export function startHint(told: string, data: string): string {
  const server = lastServerOf(data)
  if (server === undefined || !new RegExp(`${RegExp.escape(server)}(?!\\d)`).test(told)) return ''
  const { port } = new URL(server)
  const options = `${dataOption(data)}${port === portByDefault ? '' : ` --port ${port}`}`
  return ` (is it running? ${options === '' ? 'npm start' : `npx ledgerstone start${options}`})`
}

function lastServerOf(data: string): string | undefined {
  try {
    return serverOf(dataFolder(data))
  } catch {
    return undefined // nothing was ever started there
  }
}
