/** What a drill leaves for its report: explanations of alerts, readings of effects, telling log lines and traces. */
import type { RuleEvaluation } from '../alerts/evaluate.ts'
import type { AlertEvidence, DrillEvidence } from '../drill/drill-evidence.ts'
import type { AlertResult } from '../drill/drill-result.ts'
import type { SimulatedDrill } from '../drill/simulate-drill.ts'
import type { Labels } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { explainAlert, faultSpan, shortReason } from './explain-alert.ts'
import { collectLogs } from './log-evidence.ts'
import type { RecordedRule } from './operand-observer.ts'
import { collectTraces } from './trace-evidence.ts'

export interface DrillQuestions {
  readonly drill: Drill
  readonly evaluations: readonly RuleEvaluation[]
  readonly alerts: readonly AlertResult[]
  readonly recorded: readonly RecordedRule[]
  /** Why an expression of the rule can have no value, when that is known. */
  readonly explain: (evaluation: RuleEvaluation, labels: Labels) => string | undefined
}

/** @param alsoExplain names of alerts to explain although nothing speaks for it */
export async function collectEvidence(
  questions: DrillQuestions,
  simulated: Pick<SimulatedDrill, 'readings' | 'evidence'>,
  alsoExplain: readonly string[] = [],
): Promise<DrillEvidence> {
  const { drill } = questions
  const span = faultSpan(drill)
  return {
    panels: [],
    alerts: explainAlerts(questions, (alert, evaluation) => {
      return alsoExplain.includes(alert.alertname) || isWorthExplaining(drill, alert, evaluation)
    }),
    effects: simulated.readings,
    logs: await collectLogs(simulated.evidence.logs(), drill, span),
    traces: await collectTraces(() => simulated.evidence.spans(), drill, span),
  }
}

/** The results, with a short reason where one is not as expected. */
export function shortReasons(questions: DrillQuestions): readonly AlertResult[] {
  const failed = explainAlerts(questions, ({ ok }) => !ok)
  return questions.alerts.map((alert) => {
    const why = failed.filter(({ alertname }) => alertname === alert.alertname).flatMap(shortReason)
    return why.length > 0 ? { ...alert, why } : alert
  })
}

function explainAlerts(
  { drill, evaluations, alerts, recorded, explain }: DrillQuestions,
  wanted: (alert: AlertResult, evaluation: RuleEvaluation) => boolean,
): AlertEvidence[] {
  return evaluations.flatMap((evaluation) => {
    const { rule, everTrue } = evaluation
    const result = alerts.find(({ alertname }) => alertname === rule.name)
    const own = recorded.find((one) => one.rule === rule)
    if (!result || !own || !wanted(result, evaluation)) return []
    const missing = everTrue ? undefined : explain(evaluation, result.labels)
    return explainAlert({ drill, evaluation, result, recorded: own, missing })
  })
}

function isWorthExplaining(drill: Drill, { alertname, ok }: AlertResult, { offsets }: RuleEvaluation): boolean {
  const kind = drill.expect.alerts[alertname]?.kind
  return !ok || (kind !== undefined && kind !== 'may') || offsets.some(({ episodes }) => episodes.length > 0)
}
