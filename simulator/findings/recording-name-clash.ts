/** Two recording rules that write the same series: whichever runs last wins, and the sum of both is never seen. */
import type { Rule } from '../alerts/load-rules.ts'
import { type FindingDefinition, rulesOf } from './finding.ts'

export const recordingNameClash: FindingDefinition = {
  code: 'recording-name-clash',
  severity: 'warning',
  title: 'two recording rules write the same series',
  *inFiles({ groups }) {
    const writers = new Map<string, Rule[]>()
    for (const { rule } of rulesOf(groups)) {
      if (rule.kind !== 'recording') continue
      const key = JSON.stringify([rule.name, Object.entries(rule.labels).sort()])
      writers.set(key, [...(writers.get(key) ?? []), rule])
    }
    for (const [first, ...others] of writers.values()) {
      for (const rule of others) {
        const same = rule.facts.canonical === first!.facts.canonical
        yield {
          where: rule.place,
          message: `${rule.name} is recorded also by ${first!.place}, with the same labels`,
          evidence: same
            ? 'the expressions are the same'
            : `one records ${first!.facts.canonical}, the other ${rule.facts.canonical}`,
          severity: same ? 'info' : 'warning',
        }
      }
    }
  },
}
