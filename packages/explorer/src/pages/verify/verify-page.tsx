import type { ReactNode } from 'react'

export function VerifyPage(): ReactNode {
  return <h1>Verify</h1>
}
