import { createContext, type ReactNode, use } from 'react'
import type { Configuration } from './configuration.ts'

const ConfigurationContext = createContext<Configuration | undefined>(undefined)

export function ConfigurationProvider(props: {
  readonly configuration: Configuration
  readonly children: ReactNode
}): ReactNode {
  return <ConfigurationContext value={props.configuration}>{props.children}</ConfigurationContext>
}

export function useConfiguration(): Configuration {
  const configuration = use(ConfigurationContext)
  if (configuration === undefined) throw new Error('useConfiguration outside of ConfigurationProvider')
  return configuration
}
