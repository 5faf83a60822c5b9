/*
 * The desk's window: an application window (`--app`) of the installed Chromium, Chrome or Edge with a profile
 * of its own, else a page of the default browser, else nothing, and the address is printed.
 *
 * The address holds the one-time secret, and every user of a computer may read the arguments of every
 * process. So what the browser is started with is a file that only its owner can read, which leads to the
 * address.
 *
 * Why no Electron: it would be a second browser of 250 MB to keep patched, for a page that needs nothing but
 * a browser; the keys are in this process anyway, not in the page. A shell of Electron would need no more
 * than to call `startDesk` in its main process, and then
 *
 *     new BrowserWindow({webPreferences: {sandbox: true, contextIsolation: true, nodeIntegration: false}})
 *       .loadURL(desk.entrance)
 *
 * with `setWindowOpenHandler` refusing and `will-navigate` let through to the desk and the issuer alone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { replaceKeyFile } from '@ledgerstone/border/key-file'
import { makeFolder } from '../data-folder.ts'

export type Window = {
  /** What was opened, for people. */
  readonly shown: string
  /** Settled when an application window was closed; never for a page of the default browser. */
  readonly closed: Promise<void>
  /** Removes the file that leads to the address: it has been used. */
  forget(): void
}

export type Platform = {
  readonly name: NodeJS.Platform
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Starts a program; the environment and the working folder are this process's. */
  readonly start: (program: string, args: readonly string[]) => Promise<ChildProcess>
}

/** A second window of one profile is opened by the first process, and the second ends at once. */
const handedOverMs = 3000

/** Opens the entrance; undefined when there is nothing on this computer that could. */
export async function openWindow(
  entrance: string,
  folder: string,
  platform: Platform = thisPlatform,
): Promise<Window | undefined> {
  const { address, forget } = lead(entrance, folder)
  const app = findBrowser(platform)
  if (app !== undefined) {
    const profile = join(folder, 'profile')
    makeFolder(profile)
    const args = [
      `--app=${address}`,
      `--user-data-dir=${profile}`,
      '--no-first-run',
      '--no-default-browser-check',
    ]
    const child = await tryStart(platform, app, args)
    if (child !== undefined)
      return { shown: `a window of ${app}; closing it ends the desk`, closed: closedOf(child), forget }
  }
  if (!(await startDefault(platform, address))) {
    forget()
    return undefined
  }
  return { shown: 'the default browser', closed: new Promise(() => undefined), forget }
}

/** Shows an address in the default browser, where there is one, by a file that leads to it, too. */
export async function openAddress(
  entrance: string,
  folder: string,
  platform: Platform = thisPlatform,
): Promise<Pick<Window, 'forget'>> {
  const { address, forget } = lead(entrance, folder)
  if (!(await startDefault(platform, address))) forget()
  return { forget }
}

/** A file that leads to the entrance, and its own address. */
function lead(entrance: string, folder: string): { readonly address: string; forget(): void } {
  makeFolder(folder)
  const leading = join(folder, 'open.html')
  replaceKeyFile(leading, leadingTo(entrance))
  return { address: pathToFileURL(leading).href, forget: () => rmSync(leading, { force: true }) }
}

/** No referrer, so that the file's path stays here. */
function leadingTo(entrance: string): string {
  const head = `<meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Ledgerstone</title>`
  const url = new URL(entrance).href.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  return `<!doctype html>${head}<meta http-equiv="refresh" content="0;url=${url}">\n`
}

/** Whether something was started that could show it. */
async function startDefault(platform: Platform, address: string): Promise<boolean> {
  const [opener, ...args] = openerOf(platform)
  return opener !== undefined && (await tryStart(platform, opener, [...args, address])) !== undefined
}

async function tryStart(
  platform: Platform,
  program: string,
  args: readonly string[],
): Promise<ChildProcess | undefined> {
  try {
    return await platform.start(program, args)
  } catch {
    return undefined
  }
}

function closedOf(child: ChildProcess): Promise<void> {
  const started = performance.now()
  return new Promise((resolve) => {
    child.once('exit', () => {
      if (performance.now() - started > handedOverMs) resolve()
    })
  })
}

/** The first of the browsers that know `--app`. */
export function findBrowser({ name, environment }: Platform): string | undefined {
  if (name === 'darwin') {
    const apps = ['Google Chrome', 'Chromium', 'Microsoft Edge']
    return apps.map((app) => `/Applications/${app}.app/Contents/MacOS/${app}`).find(isExecutable)
  }
  if (name === 'win32') {
    const roots = ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA'].map((root) => environment[root] ?? '')
    const apps = ['Google/Chrome/Application/chrome.exe', 'Microsoft/Edge/Application/msedge.exe']
    return roots.flatMap((root) => apps.map((app) => join(root, app))).find(isExecutable)
  }
  if (!hasScreen(environment)) return undefined
  const names = [
    'chromium',
    'chromium-browser',
    'google-chrome-stable',
    'google-chrome',
    'microsoft-edge-stable',
    'microsoft-edge',
  ]
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return names.flatMap((browser) => folders.map((folder) => join(folder, browser))).find(isExecutable)
}

function openerOf({ name, environment }: Platform): readonly string[] {
  if (name === 'darwin') return ['open']
  if (name === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler']
  return hasScreen(environment) ? ['xdg-open'] : []
}

/** Without one, browsers end at once. */
function hasScreen(environment: Platform['environment']): boolean {
  return (environment['DISPLAY'] ?? environment['WAYLAND_DISPLAY'] ?? '') !== ''
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const thisPlatform: Platform = {
  name: process.platform,
  environment: process.env,
  start(program, args) {
    const child = spawn(program, args, { stdio: 'ignore', detached: true })
    child.unref()
    return new Promise((resolve, reject) => {
      child.once('spawn', () => resolve(child))
      child.once('error', reject)
    })
  },
}
