/**
 * Panels of a live drill: asked of the real Prometheus that scraped it, as the dashboard would, and judged like those of a
 * virtual run.
 */
import type { RuleGroup } from '../alerts/load-rules.ts'
import {
  createPanelEvaluation,
  PanelPlan,
  type PanelSources,
  type TargetEvaluation,
} from '../dashboards/panel-evaluation.ts'
import { panelEvidence } from '../dashboards/panel-evidence.ts'
import { isAbout } from '../dashboards/panel-pattern.ts'
import type { PanelEvidence } from '../drill/drill-evidence.ts'
import type { PanelResult } from '../drill/drill-result.ts'
import { DrillSeries } from '../drill/drill-series.ts'
import { judgePanels } from '../expectations/panel.ts'
import type { Judge } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type Unconfirmable, unconfirmable, whyUnconfirmable } from './speed/confirmable.ts'

export interface LivePanelOptions {
  readonly drill: Drill
  readonly sources: PanelSources
  readonly groups: readonly RuleGroup[]
  /** The Prometheus of the run. */
  readonly judge: Judge
  readonly speed: number
}

export interface LivePanels {
  readonly results: readonly PanelResult[]
  /** What a report draws. */
  readonly evidence: readonly PanelEvidence[]
  /** What the scenario expects of panels that this speed can't confirm. */
  readonly notes: readonly string[]
}

/** @throws JudgeError when the server does not answer */
export async function judgeLivePanels(options: LivePanelOptions): Promise<LivePanels> {
  const { drill, sources, groups, judge, speed } = options
  const plan = PanelPlan.of(sources, drill, groups)
  const evaluation = await createPanelEvaluation(plan, { judge, drill, rules: { takeResults: () => [] } })
  const series = new DrillSeries(drill)
  const doubts = unconfirmable(groups)
  await evaluation.append(series.takeUntil(drill.lengthMs))
  await evaluation.advance(drill.lengthMs)
  const shown = evaluation
    .evaluations()
    .map((one) => ({ ...one, notJudged: one.notJudged ?? whyNotJudged(one, speed, doubts) }))
  const context = { explainAbsent: () => undefined }
  const judged = shown.filter(({ notJudged }) => notJudged === undefined)
  const unjudged = shown.filter(({ notJudged }) => notJudged !== undefined)
  const nothingExpected = { ...drill, expect: { ...drill.expect, panels: [] } }
  return {
    results: [...judgePanels(drill, judged, context), ...judgePanels(nothingExpected, unjudged, context)],
    evidence: panelEvidence(shown),
    notes: drill.expect.panels.flatMap((expected) => {
      const own = shown.filter((one) => isAbout(expected, { ...one, refId: one.target.refId }))
      const [first] = own
      if (!first || own.some(({ notJudged }) => notJudged === undefined)) return []
      return [`panel ${first.dashboard.uid} / ${first.panel.title} is not judged: ${first.notJudged}`]
    }),
  }
}

function whyNotJudged(
  { broken, expression, facts }: TargetEvaluation,
  speed: number,
  doubts: Unconfirmable,
): string | undefined {
  const metrics = facts?.selectors.map(({ metric }) => metric) ?? []
  if (metrics.includes('firedrill_signals_total')) {
    return 'a live drill has the account of its signals only at the end'
  }
  const reason =
    speed === 1 || broken !== undefined || expression === '' ? undefined : whyUnconfirmable(expression, metrics, doubts)
  return reason && `not confirmed at ${speed}: it ${reason}`
}
