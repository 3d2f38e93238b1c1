/** The end of a drill: compares what rules, panels, logs and traces did with what the scenario says. */
import type { RuleEvaluation } from '../alerts/evaluate.ts'
import { alertNames } from '../alerts/load-rules.ts'
import { ownMetrics, type TargetEvaluation } from '../dashboards/panel-evaluation.ts'
import { panelEvidence } from '../dashboards/panel-evidence.ts'
import { judgeAlerts, judgeSteady } from '../expectations/alert.ts'
import { judgeLogs } from '../expectations/log.ts'
import { judgePanels, neverAnyData, unmatchedExpectations } from '../expectations/panel.ts'
import { judgeTraces } from '../expectations/trace.ts'
import { collectEvidence, shortReasons } from '../explain/collect-evidence.ts'
import type { RecordedRule } from '../explain/operand-observer.ts'
import { findFault } from '../faults/index.ts'
import { findingsInDrill } from '../findings/look-for-findings.ts'
import type { SeriesWatch } from '../findings/series-watch.ts'
import type { Judge, Labels } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { AlertResult, DrillResult, EventSpan, Verdict } from './drill-result.ts'
import { exitCodeOf } from './exit-codes.ts'
import type { JudgeDrillOptions } from './run-drill.ts'
import type { SimulatedDrill } from './simulate-drill.ts'

/** What was gathered while the samples went by. */
export interface GatheredDrill {
  /** Of every alerting rule, in the order of the files. */
  readonly evaluations: readonly RuleEvaluation[]
  readonly recordings: readonly RuleEvaluation[]
  readonly operands: readonly RecordedRule[]
  readonly targets: readonly TargetEvaluation[]
  readonly watch: SeriesWatch
}

export interface DrillToConclude {
  readonly drill: Drill
  readonly options: JudgeDrillOptions
  /** Renders texts. */
  readonly judge: Judge
  readonly simulated: SimulatedDrill
  readonly gathered: GatheredDrill
  /** Wall time at the start. */
  readonly startedMs: number
}

export const externalUrl = 'http://prometheus:9090'

export async function concludeDrill(concluded: DrillToConclude): Promise<DrillResult> {
  const { drill, options, judge, simulated, gathered, startedMs } = concluded
  const { config, foreignRules, groups, onActivity } = options
  const { effects, evidence, streamHash, accounting } = simulated
  const { evaluations, targets } = gathered
  const explain = (one: RuleEvaluation, labels: Labels) => explainNothing(one, labels, simulated)
  const text = { judge, externalLabels: config.externalLabels, externalUrl, onActivity }
  const judged = await judgeAlerts({ drill, evaluations, text, foreignRules, explain })
  const questions = { drill, evaluations, alerts: judged, recorded: gathered.operands, explain }
  const alerts = shortReasons(questions)
  const steady = judgeSteady(drill, evaluations, foreignRules)
  const logs = await judgeLogs(drill, evidence)
  const traces = await judgeTraces(drill, evidence)
  const own = ownMetrics(groups)
  const panels = judgePanels(drill, targets, { explainAbsent: (one) => explainAbsent(one, own, simulated) })
  const verdict = verdictOf({ alerts, steady, effects, panels, logs, traces })
  if (options.onEvidence) {
    const collected = await collectEvidence(questions, simulated, options.alsoExplain)
    options.onEvidence({ ...collected, panels: panelEvidence(targets) })
  }
  return {
    scenario: drill.name,
    title: drill.title,
    seed: drill.seed,
    verdict,
    exitCode: exitCodeOf(verdict),
    judge: judge.identity,
    virtualSeconds: drill.lengthMs / 1000,
    wallSeconds: Math.round(options.wallClock() - startedMs) / 1000,
    streamHash,
    events: drill.events.map((event) => describeEvent(event)),
    alerts,
    effects,
    steady,
    panels,
    logs,
    traces,
    findings:
      options.looksForFindings === false
        ? []
        : findingsInDrill({
            drill,
            config,
            groups,
            evaluations: [...evaluations, ...gathered.recordings],
            alerts,
            watch: gathered.watch,
            explain,
          }),
    accounting,
    notes: [...config.notes, ...absentExpectations(drill, options)],
  }
}

/**
 * Why a selector of the rule finds nothing, when the scrape says so.
 * @param expected labels of the alert that was looked for: series that contradict them do not count
 */
function explainNothing(
  { rule }: RuleEvaluation,
  expected: Labels,
  { series: known, scrape }: SimulatedDrill,
): string | undefined {
  for (const selector of rule.facts.selectors) {
    if (selector.absent || selector.metric === undefined) continue
    const series = known
      .seriesOf(selector.metric)
      .filter((labels) => Object.entries(expected).every(([name, value]) => (labels[name] ?? value) === value))
    const exact = selector.matchers.filter(({ operator }) => operator === '=')
    if (series.some((labels) => exact.every(({ name, value }) => (labels[name] ?? '') === value))) continue
    return scrape.explainMissing(selector, series)
  }
  return undefined
}

/** A metric that no target has, not even as a family without series, never comes: the name is wrong. */
function explainAbsent(
  { facts }: TargetEvaluation,
  own: ReadonlySet<string>,
  { scrape, series }: SimulatedDrill,
): string | undefined {
  for (const selector of facts?.selectors ?? []) {
    const { metric } = selector
    if (metric === undefined || own.has(metric) || scrape.mayStore(metric)) continue
    return scrape.explainMissing(selector, series.seriesOf(metric))
  }
  return undefined
}

function absentExpectations(drill: Drill, { groups, panels }: JudgeDrillOptions): string[] {
  const unmatched = panels ? unmatchedExpectations(drill.expect.panels, panels.dashboards) : []
  const known = alertNames(groups)
  return [
    ...Object.keys(drill.expect.alerts)
      .filter((name) => !known.includes(name))
      .map((name) => `${name} is not in these rules`),
    ...unmatched.map(({ dashboard, panel }) => `panel ${dashboard} / ${panel} is not in these dashboards`),
  ]
}

export function describeEvent(event: Drill['events'][number]): EventSpan {
  return {
    id: event.id,
    fault: event.fault,
    startS: event.startMs / 1000,
    endS: event.ends ? event.endMs / 1000 : null,
    description: findFault(event.fault)!.describe(event.params),
  }
}

interface Judged {
  readonly alerts: readonly AlertResult[]
  readonly steady: DrillResult['steady']
  readonly effects: DrillResult['effects']
  readonly panels: DrillResult['panels']
  readonly logs: DrillResult['logs']
  readonly traces: DrillResult['traces']
}

/** The first of these that holds; see the exit codes. */
export function verdictOf({ alerts, steady, effects, panels, logs, traces }: Judged): Verdict {
  if (steady && !steady.ok) return 'steady state did not hold'
  if (effects.some(({ ok }) => !ok)) return 'fault had no effect'
  if (alerts.some(({ ok, detail }) => !ok && detail.startsWith('can never fire'))) return 'rule can never fire'
  if (panels.some(({ ok, detail }) => !ok && detail.startsWith(neverAnyData))) return 'panel can never show data'
  const held = [...alerts, ...panels, ...logs, ...traces].every(({ ok }) => ok)
  return held ? 'held' : 'expectation failed'
}
