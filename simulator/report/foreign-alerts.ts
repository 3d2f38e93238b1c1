/** What alerts did that no scenario speaks of: mostly those of other people's rules. Observations, neither held nor failed. */
import type { RuleGroup } from '../alerts/load-rules.ts'
import { countOf } from '../count-text.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { alertingRulesOf } from '../findings/finding.ts'
import { isFiring } from '../findings/firing.ts'
import { isAlwaysFiring } from '../findings/watchdog.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { Paint } from './terminal.ts'

export interface AlertObservation {
  readonly alertname: string
  readonly place: string
  readonly observed:
    | 'fires in'
    | 'always fires'
    | 'fired without a fault'
    | 'never fired in any scenario'
    | 'not judged'
  /** Drills in which it fires. */
  readonly firesIn: readonly string[]
  /** Of them those without a fault. */
  readonly withoutFault: readonly string[]
  readonly detail: string
}

/** @returns one for each alert that no expectation of these drills names, not even as one that is silent */
export function observeAlerts(
  groups: readonly RuleGroup[],
  results: readonly DrillResult[],
  drills: readonly Pick<Drill, 'expect'>[],
): AlertObservation[] {
  const judged = results.filter(({ alerts }) => alerts.length > 0)
  const named = new Set(drills.flatMap(({ expect }) => Object.keys(expect.alerts)))
  const rules = alertingRulesOf(groups).map(({ rule }) => rule)
  const names = [...new Set(rules.map(({ name }) => name))].filter((name) => !named.has(name))
  return names.map((alertname) => {
    const own = rules.filter(({ name }) => name === alertname)
    const place = own[0]!.place
    const seen = judged.flatMap(({ scenario, events, alerts }) =>
      alerts
        .filter((alert) => alert.alertname === alertname)
        .map((alert) => ({ scenario, quiet: events.length === 0, alert })),
    )
    const firing = seen.filter(({ alert }) => isFiring(alert))
    const firesIn = firing.map(({ scenario }) => scenario)
    const withoutFault = firing.filter(({ quiet }) => quiet).map(({ scenario }) => scenario)
    const common = { alertname, place, firesIn, withoutFault }
    const undecided = seen.find(({ alert }) => alert.expected === 'not judged')
    if (undecided)
      return { ...common, observed: 'not judged', detail: undecided.alert.detail.replace(/^not judged: /, '') }
    if (firing.length === 0) {
      const pending = seen.filter(({ alert }) => alert.pendingAt !== null).map(({ scenario }) => scenario)
      const detail = pending.length > 0 ? `pending in ${listed(pending)}` : `in ${countOf(seen.length, 'drill')}`
      return { ...common, observed: 'never fired in any scenario', detail }
    }
    if (firing.length === seen.length && own.some(isAlwaysFiring)) {
      return {
        ...common,
        observed: 'always fires',
        detail: `in all of ${countOf(seen.length, 'drill')}, as a watchdog should`,
      }
    }
    if (withoutFault.length > 0) return { ...common, observed: 'fired without a fault', detail: listed(withoutFault) }
    return { ...common, observed: 'fires in', detail: listed(firesIn) }
  })
}

/** @returns lines for people; none when there is nothing to say */
export function observationLines(observations: readonly AlertObservation[], paint: Paint): string[] {
  if (observations.length === 0) return []
  const shown = observations.slice(0, linesMax)
  const width = Math.max(...shown.map(({ alertname }) => alertname.length))
  return [
    paint.bold('alerts that no scenario names'),
    ...shown.map(({ alertname, observed, detail }) => {
      const said = observed === 'fires in' ? `fires in: ${detail}` : `${observed}: ${detail}`
      return `  ${alertname.padEnd(width)}  ${observed === 'fired without a fault' ? paint.yellow(said) : said}`
    }),
    ...(observations.length > linesMax ? [`  and ${observations.length - linesMax} more (--json has them all)`] : []),
  ]
}

const linesMax = 60
const listMax = 4

function listed(names: readonly string[]): string {
  const rest = names.length - listMax
  return rest > 0 ? `${names.slice(0, listMax).join(', ')} and ${rest} more` : names.join(', ')
}
