/** Runs a drill only to see whether one rule fires, and what an expression reads meanwhile. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type AlertEvaluation, createAlertEvaluation } from '../alerts/evaluate.ts'
import { type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import { externalUrl } from '../drill/conclude-drill.ts'
import type { AlertResult } from '../drill/drill-result.ts'
import { DrillSimulation, drillLattice } from '../drill/simulate-drill.ts'
import { judgeAlerts } from '../expectations/alert.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Drill } from '../scenario/scenario.ts'
import { groupsAround } from '../score/judge-mutants.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { ReadOut, type ReadOutSeries } from './read-out.ts'

export interface Probe {
  /** Alert whose firing is looked for; undefined: only the read-out matters. */
  readonly alertname: string | undefined
  /** Labels that the alert must have, at least. */
  readonly labels: Readonly<Record<string, string>>
  /** PromQL; undefined: nothing is read. */
  readonly readOut: string | undefined
}

export interface ProbeOutcome {
  /** Null when no alert was looked for. */
  readonly alert: AlertResult | null
  readonly readOut: readonly ReadOutSeries[]
}

export interface ProbeTools {
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  readonly engine: Engine
  readonly temporaryFolder: string
  readonly onProgress?: ((progress: { virtualMs: number; lengthMs: number }) => void) | undefined
}

/** @throws QueryError when the read-out can't be evaluated */
export async function probeDrill(drill: Drill, probe: Probe, tools: ProbeTools): Promise<ProbeOutcome> {
  const { config, engine, onProgress } = tools
  const rule = tools.groups.flatMap(({ rules }) => rules).find(({ name }) => name === probe.alertname)
  const groups = rule ? groupsAround(rule, tools.groups) : []
  const latticeMs = drillLattice(config, tools.groups)
  const read = probe.readOut === undefined ? undefined : engine.inspect(probe.readOut)
  const metrics = selectedMetrics(groups)
  const named = read?.selectors.map(({ metric }) => metric) ?? []
  const takesAll = metrics === undefined || named.includes(undefined)
  const judge = createEmbeddedJudge(engine, { evaluationIntervalMs: config.evaluationIntervalMs })
  mkdirSync(tools.temporaryFolder, { recursive: true })
  const folder = mkdtempSync(join(tools.temporaryFolder, 'probe-'))
  const simulation = new DrillSimulation(drill, {
    config,
    latticeMs,
    prometheusVersion: engine.version,
    selects: (metric) => takesAll || metrics.has(metric) || named.includes(metric),
    folder,
    onProgress,
  })
  let evaluation: AlertEvaluation | undefined
  try {
    const { startMs } = drill
    const { externalLabels } = config
    evaluation = await createAlertEvaluation({ judge, groups, startMs, latticeMs, externalLabels, externalUrl })
    const readOut =
      read && new ReadOut(judge, probe.readOut!, { startMs, stepMs: latticeMs, lookbackMs: read.lookbackMs })
    await simulation.run(async (batch, toMs) => {
      await judge.append(batch)
      await evaluation!.append(batch)
      await evaluation!.advance(toMs)
      await readOut?.advance(toMs)
    })
    const expect = {
      ...drill.expect,
      alerts: probe.alertname === undefined ? {} : { [probe.alertname]: anyFiring(drill, probe) },
    }
    const alerts = await judgeAlerts({
      drill: { ...drill, expect },
      evaluations: evaluation.results(),
      text: { judge, externalLabels, externalUrl },
      foreignRules: true,
      explain: () => undefined,
    })
    const alert = alerts.find(({ alertname }) => alertname === probe.alertname) ?? null
    return { alert, readOut: readOut?.results() ?? [] }
  } finally {
    await evaluation?.close()
    await judge.close()
    simulation.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** So that only alerts with these labels count. */
function anyFiring({ lengthMs }: Drill, { labels }: Probe) {
  const firingAfter = { text: 'start', ms: 0 }
  const firing = [0, lengthMs] as const
  const open = { because: undefined, resolved: undefined, resolvedAfter: undefined, textComplete: false }
  return { kind: 'fires', labels, firing, firingAfter, ...open } as const
}
