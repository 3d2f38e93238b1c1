/** A label or a value in a text that is never there: the page says "Service  is down". */
import { parseExpression } from '../alerts/expression-tree.ts'
import { type LabelNames, resultLabels } from '../alerts/result-labels.ts'
import { labelsOf } from '../alerts/texts.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'
import { madeByRules, type Survey } from './survey.ts'

export const labelNeverPresent: FindingDefinition = {
  code: 'label-never-present',
  severity: 'error',
  title: 'a text names a label that the alert never has',
  *inFiles({ groups, survey }) {
    const made = madeByRules(groups)
    const ofMetric = (metric: string | undefined) => labelsOfMetric(metric, survey, made)
    for (const { rule } of alertingRulesOf(groups)) {
      const tree = parseExpression(rule.expression)
      const possible = tree && resultLabels(tree, ofMetric)
      if (!possible) continue
      // Templates see the labels of the result; those of the rule are added afterwards.
      for (const [field, template] of Object.entries({ ...rule.annotations, ...rule.labels })) {
        for (const label of labelsOf(template)) {
          if (possible.has(label) || isGuarded(template, label)) continue
          const there = [...possible].sort()
          const nearest = nearestOf(label, there)
          yield {
            where: rule.place,
            message: `${rule.name}: ${field} names the label ${label}, which the result never has`,
            evidence: `the result has ${there.length === 0 ? 'no labels' : `the labels ${there.join(', ')}`}${nearest ? `; did you mean "${nearest}"?` : ''}`,
          }
        }
      }
    }
  },
}

/** Behind a condition on it, or among the labels of what a query in the template gave. */
function isGuarded(template: string, label: string): boolean {
  return (
    /\bquery\b/.test(template) ||
    new RegExp(`\\{\\{-?\\s*(?:else\\s+)?(?:if|with)\\b[^}]*\\b${label}\\b`).test(template)
  )
}

function labelsOfMetric(metric: string | undefined, survey: Survey | undefined, made: ReadonlySet<string>): LabelNames {
  const known = metric === undefined || made.has(metric) ? undefined : survey?.metrics[metric]
  return known && new Set(Object.keys(known.labels))
}
