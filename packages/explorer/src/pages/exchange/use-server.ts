import { useQuery } from '@tanstack/react-query'
import type { DeskApi } from '../../desk/desk-api.ts'

/** Where another machine finds the sealer: this page's address, unless the page comes from a desk. */
export function useServer(desk: DeskApi | undefined): string {
  const { data } = useQuery({
    queryKey: ['desk', 'server'],
    queryFn: async () => (await (desk as DeskApi).exchanges()).server,
    enabled: desk !== undefined,
  })
  return data ?? location.origin
}
