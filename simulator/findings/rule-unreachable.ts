/** A rule whose series the scrape config drops or renames: it can never fire, whatever happens. */
import { type FindingDefinition, rulesOf } from './finding.ts'

export const ruleUnreachable: FindingDefinition = {
  code: 'rule-unreachable',
  severity: 'error',
  title: 'the scrape config hides the series that a rule needs',
  *inFiles({ groups, survey }) {
    if (!survey) return
    for (const { rule } of rulesOf(groups)) {
      for (const { selector } of rule.facts.selectors) {
        const seen = survey.selectors[selector]
        if (!seen?.dropped || seen.reason === undefined) continue
        const can = rule.kind === 'alerting' ? 'can never fire' : 'records nothing'
        yield { where: rule.place, message: `${rule.name} ${can}`, evidence: seen.reason }
      }
    }
  },
  /** The series that the expected alert would need are missing. */
  *inDrill({ evaluations, alerts, explain }) {
    for (const evaluation of evaluations) {
      const { rule, everTrue } = evaluation
      const missed = alerts.find(({ alertname, ok }) => alertname === rule.name && !ok)
      const reason = everTrue || !missed ? undefined : explain(evaluation, missed.labels)
      if (reason === undefined) continue
      yield { where: rule.place, message: `${rule.name} can never fire`, evidence: reason }
    }
  },
}
