/**
 * Simulates the drills of a scorecard and keeps their samples, for mutants to be judged on. A scorecard is about alerts:
 * what a scenario expects of panels, logs and traces is left out. Drills that go the same way (the quiet twins of many
 * scenarios do) are simulated once, as long as the longest of them.
 */

import { selectedMetrics } from '../alerts/load-rules.ts'
import { type DrillRecord, judgeRecord, openRecord, recordDrill } from '../drill/drill-record.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { drillLattice } from '../drill/simulate-drill.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { groupsOfAlerts, type MutantTools } from './judge-mutants.ts'

/**
 * @param drills that go the same way; the longest comes first
 * @param alerts whose rules are judged
 * @returns a result for each drill
 */
export async function recordForScore(
  drills: readonly Drill[],
  folder: string,
  alerts: readonly string[],
  tools: MutantTools,
): Promise<DrillResult[]> {
  const { config, engine, onProgress } = tools
  const groups = groupsOfAlerts(alerts, tools.groups)
  const metrics = selectedMetrics(groups)
  await recordDrill(drills[0]!, folder, {
    config,
    // That of the whole set-up, so that alerts are judged at the same times as in a run.
    latticeMs: drillLattice(config, tools.groups),
    prometheusVersion: engine.version,
    selects: (metric) => metrics?.has(metric) ?? true,
    onProgress,
    capturesSignals: false,
  })
  const record = openRecord(folder)
  const results: DrillResult[] = []
  for (const drill of drills) results.push(await judge(record, folder, drill, { ...tools, groups }, alerts))
  return results
}

async function judge(
  record: DrillRecord,
  folder: string,
  drill: Drill,
  tools: MutantTools,
  alerts: readonly string[],
): Promise<DrillResult> {
  const judge = createEmbeddedJudge(tools.engine, { evaluationIntervalMs: tools.config.evaluationIntervalMs })
  try {
    return await judgeRecord(record, folder, aboutAlerts(drill, alerts), tools, judge)
  } finally {
    await judge.close()
  }
}

/** The drill with what it expects of these alerts alone. */
function aboutAlerts(drill: Drill, alerts: readonly string[]): Drill {
  const expected = Object.entries(drill.expect.alerts).filter(([name]) => alerts.includes(name))
  const expect = { ...drill.expect, alerts: Object.fromEntries(expected), logs: [], traces: [], panels: [] }
  return { ...drill, expect }
}

/** Drills that go the same way up to the end of the shorter one, the longest first in each list. */
export function sameCourses(drills: readonly Drill[]): Drill[][] {
  const courses = new Map<string, Drill[]>()
  for (const drill of drills) {
    const key = courseOf(drill)
    courses.set(key, [...(courses.get(key) ?? []), drill])
  }
  return [...courses.values()].map((course) => [...course].sort((a, b) => b.lengthMs - a.lengthMs))
}

/** Everything that the simulation depends on. */
function courseOf(drill: Drill): string {
  const { world, seed, startMs, load, events, observe, lengthMs } = drill
  // What happens until the end of the shorter one is the same only when nothing depends on the length.
  const isQuiet = events.length === 0 && observe.length === 0
  const stages = load.map((stage, i) => (isQuiet && i === load.length - 1 && isLevel(stage) ? level(stage) : stage))
  return JSON.stringify([world, seed, startMs, stages, events, observe, isQuiet ? 0 : lengthMs])
}

function isLevel({ fromPerSecond, toPerSecond }: Drill['load'][number]): boolean {
  return fromPerSecond === toPerSecond
}

function level({ startMs, fromPerSecond, daily }: Drill['load'][number]) {
  return { startMs, fromPerSecond, daily }
}
