/** Rules and panels use a metric that no document speaks of: who is paged can't look up what it means. */

import { expressionsIn, parseExpression } from '../alerts/expression-tree.ts'
import { countOf } from '../count-text.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import { alertingRulesOf, type FilesSubject, type FindingDefinition, rulesOf } from './finding.ts'
import { madeByRules } from './survey.ts'

export const metricNotDocumented: FindingDefinition = {
  code: 'metric-not-documented',
  severity: 'info',
  title: 'a metric is used but not documented',
  *inFiles(subject) {
    const { documentation, groups } = subject
    if (!documentation || alertingRulesOf(groups).length === 0) return
    const made = madeByRules(groups)
    for (const [metric, places] of usedMetrics(subject)) {
      if (made.has(metric) || namesOfFamily(metric).some((name) => documentation.metrics.has(name))) continue
      const nearest = nearestOf(metric, documentation.metrics.keys())
      yield {
        where: places[0]!,
        message: `${metric} is used but not documented`,
        evidence: `used at ${countOf(places.length, 'place')}, not one of the ${documentation.metrics.size} metrics in ${documentation.files.join(', ')}${nearest ? `; the nearest is ${nearest}` : ''}`,
      }
    }
  },
}

/** Metric to the places that select it, in the order of the files. */
export function usedMetrics({ groups, panelQueries }: FilesSubject): Map<string, string[]> {
  const used = new Map<string, string[]>()
  const note = (metric: string | undefined, where: string) => {
    if (metric === undefined) return
    const places = used.get(metric) ?? []
    if (!places.includes(where)) places.push(where)
    used.set(metric, places)
  }
  for (const { rule } of rulesOf(groups)) {
    for (const { metric } of rule.facts.selectors) note(metric, rule.place)
  }
  for (const { where, expression } of panelQueries) {
    const tree = parseExpression(expression)
    for (const part of tree ? expressionsIn(tree) : []) if (part.kind === 'selector') note(part.metric, where)
  }
  return used
}

/** A histogram is documented under its own name, its series have others. */
export function namesOfFamily(metric: string): string[] {
  return [metric, metric.replace(/_(bucket|sum|count)$/, '')]
}
