/**
 * Judges a drill that was kept once more, and of it only the parts that are not known yet: after an edit of a rule that
 * rule, after an edit of a dashboard its panels, after an edit of what the scenario expects nothing at all. What comes out
 * is what judging the whole record would give, to the byte.
 */
import type { RuleEvaluation } from '../alerts/evaluate.ts'
import { queriesInTexts, type Rule } from '../alerts/load-rules.ts'
import { SeriesWatch, type WatchedSeries } from '../findings/series-watch.ts'
import type { Judge, SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { concludeDrill } from './conclude-drill.ts'
import { type DrillParts, metricsOfParts, type PartPlan, planParts, type RulePart } from './drill-parts.ts'
import { type DrillRecord, deliveredTo, replayRecord, simulatedOf } from './drill-record.ts'
import type { DrillResult } from './drill-result.ts'
import {
  anyOf,
  createDrillJudgement,
  type DrillJudgement,
  type JudgeDrillOptions,
  metricsOfDrill,
} from './run-drill.ts'

export interface JudgedAgain {
  readonly result: DrillResult
  /** To be handed in the next time. */
  readonly parts: DrillParts
  /** What was evaluated: names of rules, and titles of panels. */
  readonly rules: readonly string[]
  readonly panels: readonly string[]
}

/**
 * @param drill the recorded drill; only what it expects may differ
 * @param judge an empty one, which the caller closes
 * @param known parts of the same record that were judged before
 */
export async function judgeAgain(
  record: DrillRecord,
  folder: string,
  drill: Drill,
  options: JudgeDrillOptions & { readonly onProgress?: (progress: { virtualMs: number }) => void },
  judge: Judge,
  known: DrillParts,
): Promise<JudgedAgain> {
  const startedMs = options.wallClock()
  const plan = planParts(drill, options, record.latticeMs)
  const missing = missingParts(plan, known)
  const fresh = isNothing(missing) ? emptyParts() : await evaluate(missing)
  const parts = joinParts(plan, known, fresh)
  const result = await concludeDrill({
    drill,
    options,
    judge,
    simulated: simulatedOf(record, folder, deliveredTo(record, metricsOfDrill(drill, options))),
    gathered: gather(plan, parts),
    startedMs,
  })
  return {
    result,
    parts,
    rules: unique(plan.rules.filter(({ key }) => !known.rules.has(key)).map(({ rule }) => rule.name)),
    panels: unique(plan.targets.filter(({ key }) => !known.targets.has(key)).map(({ target }) => target.panel.title)),
  }

  async function evaluate({ rules, operands, panels }: MissingParts): Promise<MutableParts> {
    let window = 0
    const kept = plan.rules.filter(({ rule, key }) => !rules.has(rule) && known.rules.has(key))
    const takeResults = () =>
      kept.flatMap(({ rule, key }) => {
        const samples = known.rules.get(key)!.written[window]
        return samples && samples.length > 0 ? [{ rule, samples }] : []
      })
    const only = { rules, operands, panels, takeResults }
    const judgement = await createDrillJudgement(drill, options, judge, record.latticeMs, only)
    const written = new Map<Rule, SeriesSamples[][]>()
    judgement.evaluation.onResults = ({ rule, samples }) => {
      const windows = written.get(rule) ?? []
      written.set(rule, windows)
      windows[window] = [...(windows[window] ?? []), ...samples]
    }
    try {
      const selects = anyOf(...metricsOfParts(rules, options.groups, panels))
      await replayRecord(record, folder, selects, async (batch, toMs) => {
        await judgement.take(batch, toMs)
        window += 1
        options.onProgress?.({ virtualMs: toMs })
      })
      return freshParts(plan, judgement, written, window)
    } finally {
      await judgement.close()
    }
  }
}

interface MissingParts {
  /** To be evaluated: also rules that are known, but feed others. */
  readonly rules: ReadonlySet<Rule>
  readonly operands: readonly PartPlan['operands'][number]['one'][]
  readonly panels: PartPlan['panels']
}

function missingParts(plan: PartPlan, known: DrillParts): MissingParts {
  const operands = plan.operands.filter(({ key }) => !known.operands.has(key)).map(({ one }) => one)
  const recorded = new Set(operands.map(({ rule }) => rule))
  const asked = plan.rules
    // A text with a query needs the samples, whenever it is rendered.
    .filter(({ rule, key }) => !known.rules.has(key) || recorded.has(rule) || queriesInTexts(rule))
    .map(({ rule }) => rule)
  const targets = new Set(plan.targets.filter(({ key }) => !known.targets.has(key)).map(({ target }) => target))
  const panels = targets.size > 0 ? plan.panels?.only((target) => targets.has(target)) : undefined
  return { rules: plan.feedersOf(asked), operands, panels }
}

function isNothing({ rules, panels }: MissingParts): boolean {
  return rules.size === 0 && panels === undefined
}

type MutableParts = {
  [Part in keyof DrillParts]: Map<string, DrillParts[Part] extends ReadonlyMap<string, infer T> ? T : never>
}

function emptyParts(): MutableParts {
  return { rules: new Map(), operands: new Map(), targets: new Map(), watched: new Map() }
}

function freshParts(
  plan: PartPlan,
  { evaluation, operands, panels, watch }: DrillJudgement,
  written: ReadonlyMap<Rule, SeriesSamples[][]>,
  windows: number,
): MutableParts {
  const parts = emptyParts()
  const keys = new Map(plan.rules.map(({ rule, key }) => [rule, key]))
  for (const { rule, group: _, ...rest } of [...evaluation.results(), ...evaluation.recordings()]) {
    const own = written.get(rule) ?? []
    const part: RulePart = { evaluation: rest, written: Array.from({ length: windows }, (_, i) => own[i] ?? []) }
    parts.rules.set(keys.get(rule)!, part)
  }
  for (const { rule, ...recorded } of operands.results()) {
    const key = plan.operands.find(({ one }) => one.rule === rule)!.key
    parts.operands.set(key, recorded)
  }
  const shown = panels?.results()
  for (const { target, key } of plan.targets) {
    const one = shown?.get(target)
    if (one) parts.targets.set(key, one)
  }
  for (const [metric, series] of watch.all()) parts.watched.set(metric, series)
  return parts
}

/** Parts that nothing asks for any more are left out: an edit that is taken back is judged again. */
function joinParts(plan: PartPlan, known: DrillParts, fresh: MutableParts): DrillParts {
  return {
    rules: pick(plan.rules, known.rules, fresh.rules),
    operands: pick(plan.operands, known.operands, fresh.operands),
    targets: pick(plan.targets, known.targets, fresh.targets),
    watched: new Map<string, readonly WatchedSeries[]>([...known.watched, ...fresh.watched]),
  }
}

function pick<T>(
  wanted: readonly { readonly key: string }[],
  known: ReadonlyMap<string, T>,
  fresh: ReadonlyMap<string, T>,
): Map<string, T> {
  return new Map(wanted.map(({ key }) => [key, (fresh.get(key) ?? known.get(key))!]))
}

function gather(plan: PartPlan, { rules, operands, targets, watched }: DrillParts) {
  const evaluationsOf = (kind: Rule['kind']): RuleEvaluation[] =>
    plan.rules
      .filter(({ rule }) => rule.kind === kind)
      .map(({ rule, group, key }) => ({ ...rules.get(key)!.evaluation, rule, group }))
  const keyOf = new Map(plan.targets.map(({ target, key }) => [target, key]))
  return {
    evaluations: evaluationsOf('alerting'),
    recordings: evaluationsOf('recording'),
    operands: plan.operands.map(({ one, key }) => ({ ...operands.get(key)!, rule: one.rule })),
    targets: plan.panels?.evaluations((target) => targets.get(keyOf.get(target)!)!) ?? [],
    watch: new SeriesWatch(watched),
  }
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}
