/**
 * What judging a drill has given, part by part: each rule, the operands of each rule, each query of a panel. A part is kept
 * under a key that holds everything it was made of, so a part with the same key need not be judged again. Plain data.
 */
import { createHash } from 'node:crypto'
import { planRules, type RulePlan } from '../alerts/dependencies.ts'
import { assignedOffsets, type RuleEvaluation, withFeeders } from '../alerts/evaluate.ts'
import { type Rule, type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import type { Dashboard } from '../dashboards/dashboard.ts'
import { PanelPlan, type ShownByTarget, type TargetPlan } from '../dashboards/panel-evaluation.ts'
import { type OperandObserverOptions, type RecordedRule, rulesToRecord } from '../explain/operand-observer.ts'
import type { WatchedSeries } from '../findings/series-watch.ts'
import type { SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { JudgeDrillOptions } from './run-drill.ts'

export interface DrillParts {
  readonly rules: ReadonlyMap<string, RulePart>
  readonly operands: ReadonlyMap<string, Omit<RecordedRule, 'rule'>>
  readonly targets: ReadonlyMap<string, ShownByTarget>
  /** By metric. */
  readonly watched: ReadonlyMap<string, readonly WatchedSeries[]>
}

export interface RulePart {
  readonly evaluation: Omit<RuleEvaluation, 'rule' | 'group'>
  /** What the rule wrote, window by window. */
  readonly written: readonly (readonly SeriesSamples[])[]
}

export const noParts: DrillParts = { rules: new Map(), operands: new Map(), targets: new Map(), watched: new Map() }

/** The parts that a drill has with these rules, dashboards and expectations, each with its key. */
export interface PartPlan {
  readonly rules: readonly { readonly rule: Rule; readonly group: RuleGroup; readonly key: string }[]
  readonly operands: readonly { readonly one: OperandObserverOptions['rules'][number]; readonly key: string }[]
  readonly targets: readonly { readonly dashboard: Dashboard; readonly target: TargetPlan; readonly key: string }[]
  readonly panels: PanelPlan | undefined
  /** The rules that a rule reads, directly or through others, and itself. */
  feedersOf(rules: Iterable<Rule>): ReadonlySet<Rule>
}

export function planParts(drill: Drill, options: JudgeDrillOptions, latticeMs: number): PartPlan {
  const { groups, config } = options
  const plan = planRules(groups)
  const panels = options.panels && PanelPlan.of(options.panels, drill, groups)
  const isShown = (name: string) => (panels?.readsResults ? panels.shows(name) : undefined)
  const keyOf = ruleKeys(plan, groups, latticeMs, isShown)
  const isRead = new Set([...plan.ordered, ...plan.stepwise].map(({ rule }) => rule.name))
  const common = [config.evaluationIntervalMs, config.externalLabels]
  const rules = groups.flatMap((group) =>
    group.rules
      // A twin leaves out recordings that nobody reads.
      .filter(({ kind, name }) => drill.twin === undefined || kind === 'alerting' || isShown(name) || isRead.has(name))
      .map((rule) => ({ rule, group, key: hash([common, keyOf(rule)]) })),
  )
  const keys = new Map(rules.map(({ rule, key }) => [rule, key]))
  const wantsReport = options.onEvidence !== undefined
  return {
    rules,
    operands: rulesToRecord(drill, groups, wantsReport, options.alsoExplain).map((one) => ({
      one,
      key: `${keys.get(one.rule)} ${one.detail}`,
    })),
    targets: (panels?.dashboards ?? []).flatMap(({ dashboard, targets }) =>
      targets.map((target) => ({
        dashboard,
        target,
        key: hash([
          common[0],
          dashboard.variables,
          panelKey(dashboard, target),
          writersOf(target).map((rule) => keys.get(rule)),
        ]),
      })),
    ),
    panels,
    feedersOf: (some) => withFeeders(some, plan),
  }

  /** Rules whose results a query shows. */
  function writersOf(target: TargetPlan): Rule[] {
    if (!panels?.readsOwn(target)) return []
    const readsAlerts = target.metrics.some((name) => name === 'ALERTS' || name === 'ALERTS_FOR_STATE')
    return groups.flatMap((group) =>
      group.rules.filter((rule) => (rule.kind === 'alerting' ? readsAlerts : target.metrics.includes(rule.name))),
    )
  }
}

/** The metrics that some rules and queries of panels select; undefined: any. */
export function metricsOfParts(rules: ReadonlySet<Rule>, groups: readonly RuleGroup[], panels: PanelPlan | undefined) {
  const evaluated = groups.map((group) => ({ ...group, rules: group.rules.filter((rule) => rules.has(rule)) }))
  return [selectedMetrics(evaluated), panels ? panels.metrics : new Set<string>()] as const
}

/** Everything that decides what a rule does, its text apart: that is rendered at the end. */
function ruleKeys(
  plan: RulePlan,
  groups: readonly RuleGroup[],
  latticeMs: number,
  isShown: (recorded: string) => boolean | undefined,
): (rule: Rule) => unknown {
  const offsets = assignedOffsets(plan, latticeMs)
  const groupOf = new Map(groups.flatMap((group) => group.rules.map((rule) => [rule, group] as const)))
  const alone = new Set(plan.independent.map(({ rule }) => rule))
  const stepwise = new Set(plan.stepwise.map(({ rule }) => rule))
  const own = (rule: Rule) => {
    const { intervalMs, queryOffsetMs, limit } = groupOf.get(rule)!
    const { name, kind, expression, forMs, keepFiringForMs, labels, readsByPattern } = rule
    const group = [intervalMs, queryOffsetMs, limit]
    return [name, kind, expression, forMs, keepFiringForMs, labels, readsByPattern, group]
  }
  return (rule) => {
    if (alone.has(rule)) return [own(rule), latticeMs, isShown(rule.name)]
    const chain = [...withFeeders([rule], plan)].sort((a, b) => a.index - b.index)
    return chain.map((one) => [
      own(one),
      stepwise.has(one),
      offsets.map((assigned) => assigned.get(groupOf.get(one)!)),
      isShown(one.name),
    ])
  }
}

/** What a query is asked by. Title, description and colours may change: they are not judged. */
function panelKey({ title, uid }: Dashboard, { panel, target }: TargetPlan): unknown {
  const { repeat, maxDataPoints, minIntervalText, timeFromMs, timeShiftMs } = panel
  // `${__dashboard}` may stand in a query.
  return [title, uid, repeat, maxDataPoints, minIntervalText, timeFromMs, timeShiftMs, target]
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}
