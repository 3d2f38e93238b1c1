/**
 * Judges mutants of rules on drills that were kept: the samples are made once, and each mutant is evaluated on them alone,
 * with those rules that it feeds or reads. A drill notices a mutant when an expectation that holds for the rule fails for
 * the mutant.
 */

import { planRules } from '../alerts/dependencies.ts'
import { type AlertEvaluation, createAlertEvaluation } from '../alerts/evaluate.ts'
import { type Rule, type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import { externalUrl } from '../drill/conclude-drill.ts'
import { openRecord, replayRecord } from '../drill/drill-record.ts'
import type { JudgeDrillOptions } from '../drill/run-drill.ts'
import { judgeAlerts, judgeSteady } from '../expectations/alert.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Judge, SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'

export interface MutantTools extends JudgeDrillOptions {
  readonly engine: Engine
  readonly onProgress?: (progress: { virtualMs: number; lengthMs: number }) => void
}

export interface MutantToJudge {
  readonly id: number
  /** The rule as it would be; it stands in the place of the rule with the same index. */
  readonly rule: Rule
}

/** A drill that was kept, and what held in it with the rules as they are. */
export interface JudgedRecord {
  readonly folder: string
  /** What is expected; the record may be of a longer drill that begins in the same way. */
  readonly drill: Drill
  readonly held: { readonly alerts: readonly string[]; readonly steady: boolean }
}

export interface MutantVerdict {
  readonly id: number
  /** Name of the first drill that notices it, and what that says; undefined when none does. */
  readonly noticed: { readonly drill: string; readonly what: string } | undefined
}

/** Shows mutants to drills, one drill after the other, until each was noticed or has seen them all. */
export async function judgeMutants(
  records: readonly JudgedRecord[],
  mutants: readonly MutantToJudge[],
  tools: MutantTools,
): Promise<MutantVerdict[]> {
  const noticed = new Map<number, MutantVerdict['noticed']>()
  for (const record of records) {
    const left = mutants.filter(({ id }) => !noticed.has(id))
    if (left.length === 0) break
    for (const [id, what] of await noticedBy(record, left, tools)) noticed.set(id, { drill: record.drill.name, what })
  }
  return mutants.map(({ id }) => ({ id, noticed: noticed.get(id) }))
}

async function noticedBy(
  { folder, drill, held }: JudgedRecord,
  mutants: readonly MutantToJudge[],
  tools: MutantTools,
): Promise<Map<number, string>> {
  const record = openRecord(folder)
  const judge = createEmbeddedJudge(tools.engine, { evaluationIntervalMs: tools.config.evaluationIntervalMs })
  const runs: MutantRun[] = []
  try {
    for (const mutant of mutants) runs.push(await MutantRun.create(mutant, drill, record.latticeMs, judge, tools))
    const metrics = selectedMetrics(runs.flatMap(({ groups }) => groups))
    const take = async (batch: readonly SeriesSamples[], toMs: number) => {
      await judge.append(batch)
      for (const run of runs) {
        await run.take(batch, toMs)
        // After each: over days one mutant takes so long that ten of them would seem to hang.
        tools.onProgress?.({ virtualMs: toMs, lengthMs: drill.lengthMs })
      }
      await judge.forget(drill.startMs + toMs - Math.max(...runs.map((run) => run.lookbackMs)) - record.latticeMs)
    }
    await replayRecord(record, folder, (metric) => metrics?.has(metric) ?? true, take, drill.lengthMs)
    const differences = new Map<number, string>()
    for (const run of runs) {
      const what = await run.difference(held)
      if (what !== undefined) differences.set(run.id, what)
    }
    return differences
  } finally {
    for (const run of runs) await run.close()
    await judge.close()
  }
}

/** One mutant on one drill. */
class MutantRun {
  readonly id: number
  /** With the mutant in the place of its rule. */
  readonly groups: readonly RuleGroup[]
  readonly #evaluation: AlertEvaluation
  readonly #drill: Drill
  readonly #judge: Judge
  readonly #tools: MutantTools
  readonly #metrics: ReadonlySet<string> | undefined

  private constructor(
    id: number,
    groups: readonly RuleGroup[],
    evaluation: AlertEvaluation,
    drill: Drill,
    judge: Judge,
    tools: MutantTools,
  ) {
    this.id = id
    this.groups = groups
    this.#evaluation = evaluation
    this.#drill = drill
    this.#judge = judge
    this.#tools = tools
    this.#metrics = selectedMetrics(groups)
  }

  static async create({ id, rule }: MutantToJudge, drill: Drill, latticeMs: number, judge: Judge, tools: MutantTools) {
    const groups = groupsAround(rule, tools.groups)
    const { externalLabels } = tools.config
    const { startMs } = drill
    const evaluation = await createAlertEvaluation({ judge, groups, startMs, latticeMs, externalLabels, externalUrl })
    return new MutantRun(id, groups, evaluation, drill, judge, tools)
  }

  get lookbackMs(): number {
    return this.#evaluation.lookbackMs
  }

  async take(batch: readonly SeriesSamples[], toMs: number): Promise<void> {
    const metrics = this.#metrics
    await this.#evaluation.append(metrics ? batch.filter(({ labels }) => metrics.has(labels.__name__ ?? '')) : batch)
    await this.#evaluation.advance(toMs)
  }

  /** What held before and does not hold any more; undefined when nothing does. */
  async difference(held: JudgedRecord['held']): Promise<string | undefined> {
    const { config, foreignRules } = this.#tools
    const evaluations = this.#evaluation.results()
    const alerts = await judgeAlerts({
      drill: this.#drill,
      evaluations: evaluations.filter(({ rule }) => held.alerts.includes(rule.name)),
      text: { judge: this.#judge, externalLabels: config.externalLabels, externalUrl },
      foreignRules,
      explain: () => undefined,
    })
    const failing = alerts.find(({ ok }) => !ok)
    if (failing) return `${failing.alertname} ${failing.detail}`
    const steady = held.steady ? judgeSteady(this.#drill, evaluations, foreignRules) : undefined
    return steady?.ok === false ? steady.detail : undefined
  }

  async close(): Promise<void> {
    await this.#evaluation.close()
  }
}

/** The groups with the mutant in the place of its rule, and of them only what it can change, with all that this reads. */
export function groupsAround(mutant: Rule, groups: readonly RuleGroup[]): RuleGroup[] {
  const changed = groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => (rule.index === mutant.index ? mutant : rule)),
  }))
  const { feeds } = planRules(changed)
  // Alerts of one name are judged together.
  const touched = new Set(changed.flatMap(({ rules }) => rules.filter(({ name }) => name === mutant.name)))
  for (const writer of touched) {
    for (const [reader, writers] of feeds) if (writers.includes(writer)) touched.add(reader)
  }
  return withWhatTheyRead(touched, changed)
}

/** The rules of these alerts, and those that they read. */
export function groupsOfAlerts(alerts: readonly string[], groups: readonly RuleGroup[]): RuleGroup[] {
  const rules = groups.flatMap((group) => group.rules)
  return withWhatTheyRead(
    rules.filter(({ kind, name }) => kind === 'alerting' && alerts.includes(name)),
    groups,
  )
}

function withWhatTheyRead(rules: Iterable<Rule>, groups: readonly RuleGroup[]): RuleGroup[] {
  const { feeds } = planRules(groups)
  const kept = new Set(rules)
  for (const reader of kept) for (const writer of feeds.get(reader) ?? []) kept.add(writer)
  return groups
    .map((group) => ({ ...group, rules: group.rules.filter((rule) => kept.has(rule)) }))
    .filter((group) => group.rules.length > 0)
}
