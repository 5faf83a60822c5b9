import type { Step, StepName } from '@ledgerstone/client/steps'
import type { ReactNode } from 'react'
import { SafeText } from '../../ui/safe-text.tsx'

const titles: Record<StepName, string> = {
  entry: 'Entry hash',
  links: 'Links to both neighbours',
  registry: 'Key registry',
  checkpoint: 'Checkpoint signatures',
  history: 'Same history as before',
  inclusion: 'Inclusion path',
  statement: "Sender's statement",
  envelope: 'Content digest of the envelope',
}

const states: Record<Step['state'], readonly [sign: string, word: string]> = {
  sound: ['✓', 'sound'],
  failed: ['✗', 'failed'],
  none: ['–', 'not checked'],
}

/** Each step with its own result and reason. */
export function VerificationSteps({ steps }: { readonly steps: readonly Step[] }): ReactNode {
  return (
    <ol className="steps">
      {steps.map((step) => {
        const [sign, word] = states[step.state]
        return (
          <li key={step.name} data-state={step.state}>
            <span className="step-sign" aria-hidden="true">
              {sign}
            </span>
            <strong>{titles[step.name]}</strong> <span className="step-word">{word}</span>
            <p>
              <SafeText text={step.said} />
              {step.state === 'failed' && (
                <>
                  {' '}
                  <code>{step.code}</code>
                </>
              )}
            </p>
          </li>
        )
      })}
    </ol>
  )
}
