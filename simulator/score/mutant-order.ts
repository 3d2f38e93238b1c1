/**
 * In which order drills are shown to a mutant: those first that are most likely to notice it, and none that could not. Most
 * mutants are noticed by the first, so this is what makes a scorecard quick.
 */
import type { AlertExpected, Drill } from '../scenario/scenario.ts'

/**
 * @param courses drills that go the same way, the longest first in each
 * @param alerts by which the mutant shows
 */
export function drillsToShow(courses: readonly (readonly Drill[])[], alerts: readonly string[]): Drill[] {
  const useful = courses.flatMap((course) => {
    const able = course.filter((drill) => alerts.some((alert) => canNotice(drill, alert)))
    // Where only silence is expected, the longest of the same way sees all that the others see.
    const [, ...shorter] = able.filter((drill) => alerts.every((alert) => expectedOf(drill, alert).kind === 'silent'))
    return able.filter((drill) => !shorter.includes(drill))
  })
  return useful.sort(
    (a, b) => rank(a, alerts) - rank(b, alerts) || a.lengthMs - b.lengthMs || (a.name < b.name ? -1 : 1),
  )
}

/** What an alert is named for says most about its rule; what says nothing comes last. */
const ranks = ['fires', 'pending-only', 'silent', 'unnamed', 'may']

function rank(drill: Drill, alerts: readonly string[]): number {
  const of = (alert: string) => {
    const named = drill.expect.alerts[alert]
    return ranks.indexOf(named ? named.kind : 'unnamed')
  }
  return Math.min(...alerts.map(of))
}

/** An alert that may do anything gives a mutant away only while the steady state is looked at. */
function canNotice(drill: Drill, alert: string): boolean {
  return expectedOf(drill, alert).kind !== 'may' || (drill.steady !== undefined && !drill.expect.alerts[alert])
}

function expectedOf({ expect }: Drill, alert: string): Pick<AlertExpected, 'kind'> {
  return expect.alerts[alert] ?? { kind: expect.otherwise }
}
