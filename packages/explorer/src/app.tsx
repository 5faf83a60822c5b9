import { lazy, type ReactNode, Suspense } from 'react'
import { Link, Route, Switch } from 'wouter'

const OverviewPage = lazy(async () => ({
  default: (await import('./pages/overview/overview-page.tsx')).OverviewPage,
}))
const ChainPage = lazy(async () => ({ default: (await import('./pages/chain/chain-page.tsx')).ChainPage }))
const BlockPage = lazy(async () => ({ default: (await import('./pages/block/block-page.tsx')).BlockPage }))
const VerifyPage = lazy(async () => ({
  default: (await import('./pages/verify/verify-page.tsx')).VerifyPage,
}))
const KeysPage = lazy(async () => ({ default: (await import('./pages/keys/keys-page.tsx')).KeysPage }))
const ExchangePage = lazy(async () => ({
  default: (await import('./pages/exchange/exchange-page.tsx')).ExchangePage,
}))

export function App(): ReactNode {
  return (
    <>
      <nav aria-label="Pages">
        <Link href="/">Overview</Link> <Link href="/verify">Verify</Link> <Link href="/keys">Keys</Link>{' '}
        <Link href="/exchange">Exchange</Link>
      </nav>
      <main>
        <Suspense fallback={null}>
          <Pages />
        </Suspense>
      </main>
    </>
  )
}

function Pages(): ReactNode {
  return (
    <Switch>
      <Route path="/">
        <OverviewPage />
      </Route>
      <Route path="/buckets/:bucket">{({ bucket }) => <ChainPage bucket={bucket} />}</Route>
      <Route path="/buckets/:bucket/blocks/:index">
        {({ bucket, index }) => <BlockPage bucket={bucket} index={Number(index)} />}
      </Route>
      <Route path="/verify">
        <VerifyPage />
      </Route>
      <Route path="/keys">
        <KeysPage />
      </Route>
      <Route path="/keys/:kid">{({ kid }) => <KeysPage kid={kid} />}</Route>
      <Route path="/exchange">
        <ExchangePage />
      </Route>
      <Route path="/exchange/:id">{({ id }) => <ExchangePage id={id} />}</Route>
      <Route>
        <h1>There is no such page</h1>
      </Route>
    </Switch>
  )
}
