// What stands around every page: the way to the others, alarms, who is signed in, what the page can promise.
import { Unreachable } from '@ledgerstone/client/problem'
import { type ReactNode, Suspense, useEffect, useRef } from 'react'
import { Link, useLocation } from 'wouter'
import { useConfiguration } from '../configuration-context.tsx'
import { useHeads } from '../proof/proof-context.tsx'
import { useSignIn } from '../session/session.tsx'
import { Loading } from '../ui/loading.tsx'
import { Problem } from '../ui/problem.tsx'
import { SafeText } from '../ui/safe-text.tsx'
import { AlarmBanner, AlarmMark } from './alarm-banner.tsx'
import { AwayNotice } from './away-notice.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { OpenPages, Pages } from './pages.tsx'
import { ThemeButton } from './theme-button.tsx'
import { titleOf } from './title.ts'
import { Welcome } from './welcome.tsx'

export function Frame(): ReactNode {
  const { session, isEnded, signIn } = useSignIn()
  const [path] = useLocation()
  const heads = useHeads(session !== undefined && !isEnded)
  const main = useFocusOnMove(path)
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Header path={path} />
      <AlarmBanner />
      {isEnded && (
        <div className="banner" data-tone="fair" role="alert">
          <p>Your sign-in has ended. What you see stays as it was.</p>
          <button type="button" className="button" onClick={() => void signIn()}>
            Sign in again
          </button>
        </div>
      )}
      <main id="main" ref={main} tabIndex={-1}>
        <ErrorBoundary key={path} fallback={(error) => <Problem error={error} />}>
          <Suspense fallback={<Loading />}>
            <OpenPages otherwise={session === undefined ? <Welcome /> : <Pages />} />
          </Suspense>
        </ErrorBoundary>
      </main>
      <Footer />
      <AwayNotice isAway={heads.error instanceof Unreachable} onRetry={() => void heads.refetch()} />
    </>
  )
}

const links = [
  { href: '/', text: 'Overview', isMeant: (path: string) => path === '/' || path.startsWith('/buckets') },
  { href: '/verify', text: 'Verify', isMeant: (path: string) => path === '/verify' },
  { href: '/keys', text: 'Keys', isMeant: (path: string) => path.startsWith('/keys') },
  { href: '/exchange', text: 'Exchange', isMeant: (path: string) => path.startsWith('/exchange') },
]

function Header({ path }: { readonly path: string }): ReactNode {
  const { session, signIn, signOut } = useSignIn()
  return (
    <header className="header">
      <div className="header-inner">
        <Link href="/" className="brand" aria-label="Ledgerstone, overview">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path data-layer="3" d="M4 21.500 16 28l12-6.500v-4L16 24 4 17.500z" />
            <path data-layer="2" d="M4 15.500 16 22l12-6.500v-4L16 18 4 11.500z" />
            <path data-layer="1" d="M16 3 4 9.500 16 16l12-6.500z" />
          </svg>
          <span>Ledgerstone</span>
        </Link>
        <nav aria-label="Pages">
          {links.map(({ href, text, isMeant }) => (
            <Link key={href} href={href} aria-current={isMeant(path) ? 'page' : undefined}>
              {text}
            </Link>
          ))}
        </nav>
        <div className="person">
          <AlarmMark />
          <ThemeButton />
          {session === undefined ? (
            path === '/verify' && (
              <button type="button" className="button small" onClick={() => void signIn()}>
                Sign in
              </button>
            )
          ) : (
            <>
              <span className="person-name">
                <SafeText text={session.person.name} />
              </span>
              <button type="button" className="button small" onClick={() => void signOut()}>
                Sign out
              </button>
            </>
          )}
        </div>
      </div>
    </header>
  )
}

/** A page can be no more honest than whoever serves it, and says so on each of its pages. */
function Footer(): ReactNode {
  const { ledger, servedBy, oneOperator } = useConfiguration()
  return (
    <footer className="footer">
      <p>
        <SafeText text={ledger} />
      </p>
      {servedBy === 'ledger' ? (
        <p>
          Served by the ledger that it shows: this copy finds tampering with files, database, network and
          backups, but does not protect against a dishonest operator of this ledger. For that, run{' '}
          <code>ledgerstone desk</code> on your own computer.
        </p>
      ) : (
        <p>Served by the desk on this computer, with the trust file that is pinned there.</p>
      )}
      {oneOperator && <p>Log-signed only: one operator runs it all.</p>}
    </footer>
  )
}

/** A new page begins at its top, for the eye and for screen readers. */
function useFocusOnMove(path: string): React.RefObject<HTMLElement | null> {
  const main = useRef<HTMLElement>(null)
  const before = useRef(path)
  useEffect(() => {
    document.title = titleOf(path)
    if (before.current === path) return
    before.current = path
    window.scrollTo(0, 0)
    main.current?.focus({ preventScroll: true })
  }, [path])
  return main
}
