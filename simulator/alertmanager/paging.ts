/** Who is told of each alert that fired in a drill, and which of them another alert silences. */
import type { AlertInstance, DrillResult } from '../drill/drill-result.ts'
import type { Labels } from '../judge/judge.ts'
import type { Alertmanager } from './alertmanager-config.ts'
import { inhibits, receiversOf } from './routing.ts'

/** @param externalLabels are on every alert that Prometheus sends */
export function withReceivers(result: DrillResult, alertmanager: Alertmanager, externalLabels: Labels): DrillResult {
  const sent = (labels: Labels) => ({ ...externalLabels, ...labels })
  const firing = result.alerts.flatMap(({ alertname, instances }) =>
    instances.filter(fires).map((instance) => ({ alertname, instance })),
  )
  const told = (instance: AlertInstance): AlertInstance => {
    if (!fires(instance)) return instance
    const silencing = firing.filter(
      ({ instance: other }) =>
        other !== instance &&
        overlaps(other, instance) &&
        alertmanager.inhibitions.some((rule) => inhibits(rule, sent(other.labels), sent(instance.labels))),
    )
    return {
      ...instance,
      receivers: receiversOf(alertmanager, sent(instance.labels)),
      inhibitedBy: [...new Set(silencing.map(({ alertname }) => alertname))],
    }
  }
  return { ...result, alerts: result.alerts.map((alert) => ({ ...alert, instances: alert.instances.map(told) })) }
}

function fires({ episodes }: AlertInstance): boolean {
  return episodes.some(({ firingAt }) => firingAt !== null)
}

/** Whether `silencing` fires for some of the time that the other one does. */
function overlaps(silencing: AlertInstance, silenced: AlertInstance): boolean {
  return silenced.episodes.some(
    (mine) =>
      mine.firingAt !== null &&
      silencing.episodes.some(
        (theirs) =>
          theirs.firingAt !== null &&
          theirs.firingAt[0] <= (mine.resolvedAt?.[1] ?? Number.POSITIVE_INFINITY) &&
          mine.firingAt![0] <= (theirs.resolvedAt?.[1] ?? Number.POSITIVE_INFINITY),
      ),
  )
}
