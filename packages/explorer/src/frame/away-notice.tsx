import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef } from 'react'

/**
 * The service does not answer: told over the lower edge of every page, wherever the person has scrolled. What
 * failed meanwhile is asked for again by itself when the service is back.
 */
export function AwayNotice(props: { readonly isAway: boolean; readonly onRetry: () => void }): ReactNode {
  const { isAway, onRetry } = props
  const queries = useQueryClient()
  const wasAway = useRef(false)
  useEffect(() => {
    if (wasAway.current && !isAway) {
      void queries.refetchQueries({ type: 'active', predicate: ({ state }) => state.status === 'error' })
    }
    wasAway.current = isAway
  }, [isAway, queries])
  return (
    <div className="away" role="status">
      {isAway && (
        <div className="away-inner">
          <p>The service cannot be reached. What you see may be out of date.</p>
          <button type="button" className="button small" onClick={onRetry}>
            Try again
          </button>
        </div>
      )}
    </div>
  )
}
