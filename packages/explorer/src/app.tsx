// From nothing to a page: the configuration of the service, who is signed in, then the frame with the pages.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, Suspense, use, useState } from 'react'
import { ServicesProvider } from './api/ledger-access.tsx'
import { type Configuration, fetchConfiguration } from './configuration.ts'
import { ConfigurationProvider } from './configuration-context.tsx'
import { ErrorBoundary } from './frame/error-boundary.tsx'
import { Frame } from './frame/frame.tsx'
import { StartFailure } from './frame/start-failure.tsx'
import { ProofProvider } from './proof/proof-context.tsx'
import { Authorization } from './session/authorization.ts'
import { type Entered, enter, SignInProvider, useSignIn } from './session/session.tsx'

// The client asks again by itself where that is safe; what is in the page stays while it is asked again.
const queries = new QueryClient({
  defaultOptions: { queries: { retry: false, staleTime: 5000 }, mutations: { retry: false } },
})

type Started = { readonly configuration: Configuration; readonly entered: Entered }

export function App(): ReactNode {
  const [starting, setStarting] = useState(startOnce)
  return (
    <ErrorBoundary
      fallback={(error, reset) => (
        <StartFailure
          error={error}
          onRetry={() => {
            setStarting(start())
            reset()
          }}
        />
      )}
    >
      <Suspense fallback={null}>
        <Begun starting={starting} />
      </Suspense>
    </ErrorBoundary>
  )
}

function Begun({ starting }: { readonly starting: Promise<Started> }): ReactNode {
  const { configuration, entered } = use(starting)
  return (
    <QueryClientProvider client={queries}>
      <ConfigurationProvider configuration={configuration}>
        <SignInProvider entered={entered} configuration={configuration}>
          <ServicesProvider>
            <Proving configuration={configuration}>
              <Frame />
            </Proving>
          </ServicesProvider>
        </SignInProvider>
      </ConfigurationProvider>
    </QueryClientProvider>
  )
}

function Proving(props: { readonly configuration: Configuration; readonly children: ReactNode }): ReactNode {
  const { session } = useSignIn()
  const { ledger, trust } = props.configuration
  const setting = { url: location.origin, ledger, ...(trust !== undefined && { trust }) }
  return (
    <ProofProvider setting={setting} token={session?.token}>
      {props.children}
    </ProofProvider>
  )
}

let first: Promise<Started> | undefined

/** React may render twice before it mounts; a sign-in can be finished only once. */
function startOnce(): Promise<Started> {
  first ??= start()
  return first
}

async function start(): Promise<Started> {
  const configuration = await fetchConfiguration()
  return { configuration, entered: await enter(new Authorization(configuration)) }
}
