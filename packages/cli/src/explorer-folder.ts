import { fileURLToPath } from 'node:url'

/** The explorer's build that comes with the program; the setup makes it. */
export const explorerFolder: string = fileURLToPath(new URL('../../explorer/dist', import.meta.url))
