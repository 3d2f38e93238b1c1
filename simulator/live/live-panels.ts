/**
 * Panels of a live drill: asked of the real Prometheus that scraped it, as the dashboard would, and judged like those of a
 * virtual run. The time of a drill is another one than the machine's, so every question and answer is moved.
 */

import type { RuleGroup } from '../alerts/load-rules.ts'
import {
  createPanelEvaluation,
  PanelPlan,
  type PanelSources,
  type TargetEvaluation,
} from '../dashboards/panel-evaluation.ts'
import { isAbout } from '../dashboards/panel-pattern.ts'
import type { PanelResult } from '../drill/drill-result.ts'
import { DrillSeries } from '../drill/drill-series.ts'
import { judgePanels } from '../expectations/panel.ts'
import { type Judge, JudgeError } from '../judge/judge.ts'
import { PrometheusApi } from '../judge/prometheus/prometheus-api.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type Unconfirmable, unconfirmable, whyUnconfirmable } from './speed/confirmable.ts'
import { divideDurations } from './speed/divide-durations.ts'

export interface LivePanelOptions {
  readonly drill: Drill
  readonly sources: PanelSources
  readonly groups: readonly RuleGroup[]
  readonly server: LiveServer
}

/** The Prometheus of a live run. */
export interface LiveServer {
  readonly url: string
  readonly version: string
  readonly speed: number
  /** When the drill began, Unix milliseconds of the machine. */
  readonly zeroMs: number
  parseDuration(text: string): number
}

export interface LivePanels {
  readonly results: readonly PanelResult[]
  /** What the scenario expects of panels that this speed can't confirm. */
  readonly notes: readonly string[]
}

/** @throws JudgeError when the server does not answer */
export async function judgeLivePanels({ drill, sources, groups, server }: LivePanelOptions): Promise<LivePanels> {
  const { speed } = server
  const judge = serverJudge(server, drill.startMs)
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

/** Answers in the time of the drill. What is appended goes to the same server, which has the results of rules already. */
function serverJudge({ url, version, speed, zeroMs, parseDuration }: LiveServer, startMs: number): Judge {
  const api = new PrometheusApi(async (path, init) => {
    try {
      return await fetch(url + path, { ...init, signal: AbortSignal.timeout(30_000) })
    } catch (error) {
      throw new JudgeError(`Prometheus does not answer: ${(error as Error).message}`)
    }
  })
  const toMachine = (ms: number) => Math.round(zeroMs + (ms - startMs) / speed)
  const rewritten = (expression: string) =>
    speed === 1 ? expression : divideDurations(expression, speed, parseDuration)
  const judge: Judge = {
    identity: { kind: 'prometheus', version },
    append: (batch) =>
      api.append(batch.map((series) => ({ ...series, timesMs: Array.from(series.timesMs, (ms) => toMachine(ms)) }))),
    async queryRange({ expression, startMs: fromMs, endMs, stepMs }) {
      // Whole milliseconds for each step, so that the n-th answer is the n-th question.
      const machineStepMs = Math.max(1, Math.round(stepMs / speed))
      const from = toMachine(fromMs)
      const steps = Math.floor((endMs - fromMs) / stepMs)
      const answer = await api.queryRange({
        expression: rewritten(expression),
        startMs: from,
        endMs: from + steps * machineStepMs,
        stepMs: machineStepMs,
      })
      return answer.map((series) => ({
        ...series,
        timesMs: series.timesMs.map((ms) => fromMs + Math.round((ms - from) / machineStepMs) * stepMs),
      }))
    },
    query: (expression, timeMs) => api.query(rewritten(expression), toMachine(timeMs)),
    series: (matcher, fromMs, toMs) => api.series(matcher, toMachine(fromMs), toMachine(toMs)),
    labelValues: (label, matcher, fromMs, toMs) => api.labelValues(label, matcher, toMachine(fromMs), toMachine(toMs)),
    renderText: () => Promise.reject(new Error('panels render no texts')),
    forget: async () => {},
    fork: async () => judge,
    close: async () => {},
  }
  return judge
}
