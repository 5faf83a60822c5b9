import { type ComponentType, lazy, type ReactNode } from 'react'
import { Link, Route, Switch } from 'wouter'

// Each page is a file of its own that is loaded when it is first shown.
const OverviewPage = page(async () => (await import('../pages/overview/overview-page.tsx')).OverviewPage)
const ChainPage = page(async () => (await import('../pages/chain/chain-page.tsx')).ChainPage)
const BlockPage = page(async () => (await import('../pages/block/block-page.tsx')).BlockPage)
const VerifyPage = page(async () => (await import('../pages/verify/verify-page.tsx')).VerifyPage)
const KeysPage = page(async () => (await import('../pages/keys/keys-page.tsx')).KeysPage)
const ExchangePage = page(async () => (await import('../pages/exchange/exchange-page.tsx')).ExchangePage)

/** The pages by address. What needs nobody to be signed in is in `OpenPages`. */
export function Pages(): ReactNode {
  return (
    <Switch>
      <Route path="/">
        <OverviewPage />
      </Route>
      <Route path="/buckets/:bucket">{({ bucket }) => <ChainPage key={bucket} bucket={bucket} />}</Route>
      <Route path="/buckets/:bucket/blocks/:index">
        {({ bucket, index }) => <BlockPage bucket={bucket} index={Number(index)} />}
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
        <p>
          <Link href="/">To the overview</Link>
        </p>
      </Route>
    </Switch>
  )
}

export function OpenPages(props: { readonly otherwise: ReactNode }): ReactNode {
  return (
    <Switch>
      <Route path="/verify">
        <VerifyPage />
      </Route>
      <Route>{props.otherwise}</Route>
    </Switch>
  )
}

function page<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  return lazy(async () => ({ default: await load() }))
}
