/**
 * Judges mutants of rules on a drill: the samples are made once, and each mutant is evaluated on them alone, with those
 * rules that it feeds or reads. A drill notices a mutant when an expectation that holds for the rule fails for the mutant.
 */

import { planRules } from '../alerts/dependencies.ts'
import { type AlertEvaluation, createAlertEvaluation } from '../alerts/evaluate.ts'
import { type Rule, type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import { openRecord, recordDrill, replayRecord } from '../drill/drill-record.ts'
import type { AlertResult, DrillResult } from '../drill/drill-result.ts'
import { createDrillJudgement, externalUrl, type JudgeDrillOptions } from '../drill/run-drill.ts'
import { drillLattice } from '../drill/simulate-drill.ts'
import { judgeAlerts, judgeSteady } from '../expectations/alert.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Judge } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'

export interface MutantTools extends JudgeDrillOptions {
  readonly engine: Engine
  readonly onProgress?: (progress: { virtualMs: number; lengthMs: number }) => void
}

export interface MutantToJudge {
  readonly id: number
  readonly rule: Rule
}

export interface MutantVerdict {
  readonly id: number
  /** What the drill says about the mutant; undefined when it does not notice it. */
  readonly noticed: string | undefined
}

/** Simulates a drill, keeps its samples, judges it and the mutants. */
export async function recordWithMutants(
  drill: Drill,
  folder: string,
  mutants: readonly MutantToJudge[],
  tools: MutantTools,
): Promise<{ result: DrillResult; verdicts: MutantVerdict[] }> {
  const { config, groups, engine, wallClock, onProgress } = tools
  const startedMs = wallClock()
  const metrics = selectedMetrics(groups)
  const latticeMs = drillLattice(config, groups)
  const judge = createEmbeddedJudge(engine)
  const judgement = await createDrillJudgement(drill, tools, judge, latticeMs)
  const runs = await MutantRuns.create(drill, mutants, latticeMs, judge, tools)
  try {
    const options = {
      config,
      latticeMs,
      prometheusVersion: engine.version,
      selects: (metric: string) => metrics?.has(metric) ?? true,
      onProgress,
    }
    const { simulated } = await recordDrill(drill, folder, options, async (batch, toMs) => {
      await judgement.take(batch, toMs)
      await runs.advance(toMs)
    })
    const result = await judgement.conclude(simulated, startedMs)
    return { result, verdicts: await runs.verdicts(result) }
  } finally {
    await judgement.close()
    await runs.close()
    await judge.close()
  }
}

/** Judges mutants on a drill that was kept, with the rules as they are for comparison. */
export async function replayMutants(
  folder: string,
  mutants: readonly MutantToJudge[],
  tools: MutantTools,
): Promise<MutantVerdict[]> {
  const record = openRecord(folder)
  const originals = tools.groups.flatMap(({ rules }) => rules)
  // The rule as it is, judged like a mutant, tells what held without it.
  const asIs = [...new Set(mutants.map(({ rule }) => rule.index))].map((index, i) => ({
    id: -1 - i,
    rule: originals.find((rule) => rule.index === index)!,
  }))
  const judge = createEmbeddedJudge(tools.engine)
  const runs = await MutantRuns.create(record.drill, [...asIs, ...mutants], record.latticeMs, judge, tools)
  try {
    const metrics = runs.metrics
    await replayRecord(
      record,
      folder,
      (metric) => metrics?.has(metric) ?? true,
      async (batch, toMs) => {
        await judge.append(batch)
        await runs.append(batch)
        await runs.advance(toMs)
      },
    )
    const held = new Map<number, Outcome>()
    for (const { id, rule } of asIs) held.set(rule.index, await runs.outcome(id))
    const verdicts: MutantVerdict[] = []
    for (const { id, rule } of mutants) {
      verdicts.push({ id, noticed: difference(held.get(rule.index)!, await runs.outcome(id)) })
    }
    return verdicts
  } finally {
    await runs.close()
    await judge.close()
  }
}

/** What a drill says about the alerts that a rule can change. */
interface Outcome {
  readonly alerts: readonly AlertResult[]
  readonly steady: { readonly ok: boolean; readonly detail: string } | undefined
}

interface MutantRun {
  readonly mutant: MutantToJudge
  readonly groups: readonly RuleGroup[]
  readonly evaluation: AlertEvaluation
}

class MutantRuns {
  readonly #drill: Drill
  readonly #judge: Judge
  readonly #tools: MutantTools
  readonly #runs: readonly MutantRun[]

  constructor(drill: Drill, judge: Judge, tools: MutantTools, runs: readonly MutantRun[]) {
    this.#drill = drill
    this.#judge = judge
    this.#tools = tools
    this.#runs = runs
  }

  static async create(
    drill: Drill,
    mutants: readonly MutantToJudge[],
    latticeMs: number,
    judge: Judge,
    tools: MutantTools,
  ): Promise<MutantRuns> {
    const { externalLabels } = tools.config
    const { startMs } = drill
    const runs: MutantRun[] = []
    for (const mutant of mutants) {
      const groups = groupsAround(mutant.rule, tools.groups)
      const options = { judge, groups, startMs, latticeMs, externalLabels, externalUrl }
      runs.push({ mutant, groups, evaluation: await createAlertEvaluation(options) })
    }
    return new MutantRuns(drill, judge, tools, runs)
  }

  /** What the mutants select; undefined: everything. */
  get metrics(): Set<string> | undefined {
    return selectedMetrics(this.#runs.flatMap(({ groups }) => groups))
  }

  async append(batch: Parameters<Judge['append']>[0]): Promise<void> {
    for (const { evaluation } of this.#runs) await evaluation.append(batch)
  }

  async advance(toMs: number): Promise<void> {
    for (const { evaluation } of this.#runs) await evaluation.advance(toMs)
  }

  async outcome(id: number): Promise<Outcome> {
    const { groups, evaluation } = this.#runs.find(({ mutant }) => mutant.id === id)!
    const evaluations = evaluation.results()
    const names = new Set(groups.flatMap(({ rules }) => rules.map(({ name }) => name)))
    const { externalLabels } = this.#tools.config
    const alerts = await judgeAlerts({
      drill: this.#drill,
      evaluations,
      text: { judge: this.#judge, externalLabels, externalUrl },
      foreignRules: this.#tools.foreignRules,
      explain: () => undefined,
    })
    return {
      alerts: alerts.filter(({ alertname }) => names.has(alertname)),
      steady: judgeSteady(this.#drill, evaluations),
    }
  }

  /** @param result of the drill with the rules as they are */
  async verdicts({ alerts, steady }: DrillResult): Promise<MutantVerdict[]> {
    const verdicts: MutantVerdict[] = []
    for (const { mutant } of this.#runs) {
      verdicts.push({ id: mutant.id, noticed: difference({ alerts, steady }, await this.outcome(mutant.id)) })
    }
    return verdicts
  }

  async close(): Promise<void> {
    for (const { evaluation } of this.#runs) await evaluation.close()
  }
}

/** What held before and does not hold any more; undefined when nothing does. */
function difference(before: Outcome, after: Outcome): string | undefined {
  for (const alert of after.alerts) {
    const held = before.alerts.some(({ alertname, ok }) => alertname === alert.alertname && ok)
    if (held && !alert.ok) return `${alert.alertname} ${alert.detail}`
  }
  return before.steady?.ok && after.steady && !after.steady.ok ? after.steady.detail : undefined
}

/** The groups with the mutant in the place of its rule, without rules that have nothing to do with it or its name. */
export function groupsAround(mutant: Rule, groups: readonly RuleGroup[]): RuleGroup[] {
  const changed = groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => (rule.index === mutant.index ? mutant : rule)),
  }))
  const isAlone = planRules(changed).independent.some(({ rule }) => rule === mutant)
  return changed
    .map((group) => ({ ...group, rules: group.rules.filter((rule) => rule.name === mutant.name || !isAlone) }))
    .filter(({ rules }) => rules.length > 0)
}
