// The sealer's interface for key exchanges. Answers are what the server says; exchange/exchange-view reads
// them.
import { formatCanonical, isObject, type JsonObject, listMember } from '@ledgerstone/core/canonical'
import { checkUuid } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { objectOf } from './api.ts'
import { type Ask, type HttpOptions, httpOf } from './http.ts'

export type ExchangesApi = {
  /** `{owner, assurance, clientCertificate?, openAt?, port?}`; without a certificate somebody joins later. */
  create(asked: JsonObject): Promise<JsonObject>
  /** `{certificate}`: that of the client's side. */
  join(id: string, client: JsonObject): Promise<JsonObject>
  list(): Promise<readonly JsonObject[]>
  get(id: string): Promise<JsonObject>
  /** `string`: what the other side's person reads out. */
  confirm(id: string, string: string): Promise<JsonObject>
  cancel(id: string): Promise<JsonObject>
}

const answer: Pick<Ask, 'accept' | 'answerBytesMax'> = {
  accept: ['application/json'],
  answerBytesMax: 4_194_304,
}

/** `options.url` is where the sealer is; its tokens are for the sealer and need `manage:exchanges`. */
export function exchangesApi(options: HttpOptions): ExchangesApi {
  const http = httpOf(options)
  const at = (id: string, rest = ''): string => `/v1/exchanges/${checkUuid(id, 'the exchange')}${rest}`
  const send = async (method: 'POST' | 'PUT', path: string, body: JsonObject): Promise<JsonObject> => {
    const sent = { mediaType: 'application/json', content: formatCanonical(body) }
    return objectOf(await http.ask({ method, path, body: sent, ...answer, repeatable: method === 'PUT' }))
  }
  return {
    create: (asked) => send('POST', '/v1/exchanges', asked),
    join: (id, client) => send('PUT', at(id, '/client'), client),
    async list() {
      const value = objectOf(await http.ask({ path: '/v1/exchanges', ...answer, repeatable: true }))
      return listMember(value['exchanges'], 'exchanges').map((each) => {
        if (!isObject(each)) throw new Refused('malformed', 'an exchange is not an object')
        return each
      })
    },
    get: async (id) => objectOf(await http.ask({ path: at(id), ...answer, repeatable: true })),
    confirm: (id, string) => send('POST', at(id, '/confirm'), { string }),
    cancel: async (id) =>
      objectOf(await http.ask({ method: 'DELETE', path: at(id), ...answer, repeatable: false })),
  }
}
