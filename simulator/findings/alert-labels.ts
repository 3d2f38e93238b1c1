/** What is known of the labels of an alert without firing it: those that the rule sets, and those that it can't have. */

import type { Matcher } from '../alerts/expression-tree.ts'
import { parseExpression } from '../alerts/expression-tree.ts'
import type { Rule, RuleGroup } from '../alerts/load-rules.ts'
import { type LabelNames, resultLabels } from '../alerts/result-labels.ts'
import { matchesValue } from '../alerts/selector-match.ts'
import { hasTemplate } from '../alerts/texts.ts'
import { alertingRulesOf } from './finding.ts'

export interface AlertLabels {
  readonly rule: Rule
  /** Value of a label; undefined: not known, or of several values; empty: the alert does not have it. */
  valueOf(label: string): string | undefined
}

export function alertLabelsOf(
  groups: readonly RuleGroup[],
  externalLabels: Readonly<Record<string, string>>,
): AlertLabels[] {
  return alertingRulesOf(groups).map(({ rule }) => {
    const tree = parseExpression(rule.expression)
    const possible: LabelNames = tree && resultLabels(tree)
    const required = tree?.kind === 'selector' ? tree : undefined
    return {
      rule,
      valueOf(label) {
        if (label === 'alertname') return rule.name
        const own = rule.labels[label]
        if (own !== undefined) return hasTemplate(own) ? undefined : own
        if (possible?.has(label) ?? true) {
          return required?.matchers.find(({ name, operator }) => name === label && operator === '=')?.value
        }
        // Prometheus adds its external labels to what it sends to Alertmanager.
        return externalLabels[label] ?? ''
      },
    }
  })
}

/** @returns whether the alert can satisfy the matchers; undefined: that depends on labels that nobody knows beforehand */
export function canMatch(alert: AlertLabels, matchers: readonly Matcher[]): boolean | undefined {
  let unsure = false
  for (const { name, operator, value } of matchers) {
    const label = alert.valueOf(name)
    const matched = label === undefined ? undefined : matchesValue(label, operator, value)
    if (matched === false) return false
    if (matched === undefined) unsure = true
  }
  return unsure ? undefined : true
}
