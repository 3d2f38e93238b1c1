/** A rule that Firedrill can't decide; silence of such a rule proves nothing. */
import type { FindingDefinition } from './finding.ts'

export const ruleNotJudged: FindingDefinition = {
  code: 'rule-not-judged',
  severity: 'warning',
  title: 'a rule could not be decided',
  *inDrill({ evaluations }) {
    for (const { rule, notJudged } of evaluations) {
      if (notJudged === undefined) continue
      yield { where: rule.place, message: `${rule.name} is not judged: ${notJudged}`, evidence: rule.expression.trim() }
    }
  },
}
