import { FileStore } from '../src/file/store.ts'
import { temporaryFolder } from './folders.ts'
import { testStoreContract } from './store-contract.ts'

testStoreContract('file store', async () => {
  const folder = await temporaryFolder()
  let store = await FileStore.open(folder.path)
  return {
    store,
    reopen: async () => {
      await store[Symbol.asyncDispose]()
      store = await FileStore.open(folder.path)
      return store
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
})
