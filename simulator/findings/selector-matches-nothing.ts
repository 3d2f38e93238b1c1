/** A selector for which the platform has no series at all: mostly a name or a value that was mistyped or has changed. */
import { countOf } from '../count-text.ts'
import { type FindingDefinition, rulesOf } from './finding.ts'
import { madeByRules } from './survey.ts'

/** Labels that the scrape config gives: their values do not depend on what happens in a drill. */
const targetLabels = new Set(['job', 'instance'])

export const selectorMatchesNothing: FindingDefinition = {
  code: 'selector-matches-nothing',
  severity: 'warning',
  title: 'a selector matches nothing that the platform exposes',
  *inFiles({ groups, survey }) {
    if (!survey) return
    const made = madeByRules(groups)
    const drills = `in ${countOf(survey.drills, 'drill')}`
    for (const { rule } of rulesOf(groups)) {
      for (const { selector, metric, matchers, absent } of rule.facts.selectors) {
        const seen = survey.selectors[selector]
        if (!seen || seen.matched > 0 || seen.dropped || absent || made.has(metric ?? '')) continue
        const labels = survey.metrics[metric!]?.labels
        const structural =
          !labels ||
          matchers.some(({ name, operator, value }) => {
            if (name === '__name__' || operator === '!=' || operator === '!~') return false
            return (
              labels[name] === undefined ||
              (operator === '=' && targetLabels.has(name) && !labels[name].includes(value))
            )
          })
        yield {
          where: rule.place,
          message: `${rule.name}: ${selector} matches nothing`,
          evidence: `0 series ${drills}: ${seen.reason}`,
          // A value that did not come up may come up another day.
          severity: structural ? 'warning' : 'info',
        }
      }
    }
  },
}
