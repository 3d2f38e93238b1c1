/** Evaluations that Prometheus refuses or can't finish: the alert keeps the state that it had. */
import type { FindingDefinition } from './finding.ts'

export const evaluationFailed: FindingDefinition = {
  code: 'evaluation-failed',
  severity: 'error',
  title: 'evaluations of a rule fail',
  *inDrill({ evaluations }) {
    for (const { rule, failures } of evaluations) {
      if (failures.length === 0) continue
      const times = failures.length === 1 ? 'one evaluation fails' : `${failures.length} evaluations fail`
      yield {
        where: rule.place,
        message: `evaluations of ${rule.name} fail`,
        evidence: `${times}: ${failures[0]!.message}`,
      }
    }
  },
}
