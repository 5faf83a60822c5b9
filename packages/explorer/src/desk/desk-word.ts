// The word by which the desk knows its page. It comes once, in the fragment of the address that the desk
// leads to, and stays in this tab: unlike a cookie, no other port of this computer gets it.
const key = 'ledgerstone.desk'

/** Before anything else reads the address. */
export function takeDeskWord(): void {
  const [, word] = /^#desk=([A-Za-z0-9_-]{43})$/.exec(location.hash) ?? []
  if (word === undefined) return
  sessionStorage.setItem(key, word)
  history.replaceState(null, '', `${location.pathname}${location.search}`)
}

/** Empty in another tab than the one that the desk has opened. */
export function deskWord(): string {
  return sessionStorage.getItem(key) ?? ''
}
