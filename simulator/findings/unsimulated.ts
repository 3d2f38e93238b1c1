/** Alerts about targets that are not simulated: that they fire is true of the simulation, and says nothing about the rule. */
import type { Rule } from '../alerts/load-rules.ts'
import type { AlertInstance, AlertResult } from '../drill/drill-result.ts'
import type { Survey } from './survey.ts'

/** @returns the alert without what it says about targets behind which nothing is simulated */
export function aboutSimulated(alert: AlertResult, rule: Rule, survey: Survey | undefined): AlertResult {
  const targets = survey?.targets ?? []
  const isDead = (job: string) => {
    const ofJob = targets.filter((target) => target.job === job)
    return ofJob.length > 0 && ofJob.every(({ process }) => process === undefined)
  }
  if (readsOnly(rule, isDead)) return { ...alert, instances: [] }
  const isAboutDead = ({ labels }: AlertInstance) => {
    const { job, instance } = labels
    if (job === undefined) return false
    return (
      isDead(job) ||
      targets.some((target) => target.job === job && target.address === instance && target.process === undefined)
    )
  }
  return { ...alert, instances: alert.instances.filter((instance) => !isAboutDead(instance)) }
}

/** Whether every selector of the rule names a job of which nothing is simulated. */
function readsOnly({ facts }: Rule, isDead: (job: string) => boolean): boolean {
  return (
    facts.selectors.length > 0 &&
    facts.selectors.every(({ matchers }) =>
      matchers.some(({ name, operator, value }) => name === 'job' && operator === '=' && isDead(value)),
    )
  )
}
