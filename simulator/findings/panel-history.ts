/** What each target of each panel showed over all drills of a run. */
import type { DrillResult, PanelResult } from '../drill/drill-result.ts'

export interface PanelHistory {
  readonly where: string
  readonly name: string
  /** One for each drill in which the panel was asked. */
  readonly seen: readonly { readonly scenario: string; readonly withFault: boolean; readonly panel: PanelResult }[]
  /** Scenarios with a fault, twins not counted. */
  readonly scenarios: number
}

/** Before so many different faults nothing is said about what a panel never does. */
export const scenariosMin = 5

export function panelHistories(results: readonly DrillResult[]): PanelHistory[] {
  const histories = new Map<string, { scenario: string; withFault: boolean; panel: PanelResult }[]>()
  for (const { scenario, events, panels } of results) {
    for (const panel of panels) {
      if (panel.state === 'not judged') continue
      const key = JSON.stringify([panel.dashboard, panel.panel, panel.refId])
      const list = histories.get(key) ?? []
      list.push({ scenario, withFault: events.length > 0, panel })
      histories.set(key, list)
    }
  }
  return [...histories.values()].map((seen) => {
    const { dashboard, panel, refId } = seen[0]!.panel
    return {
      where: `dashboard ${dashboard}`,
      name: `panel "${panel}" (${refId})`,
      seen,
      scenarios: new Set(seen.filter(({ withFault }) => withFault).map(({ scenario }) => scenario.split('/')[0])).size,
    }
  })
}
