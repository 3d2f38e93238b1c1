/** Rule files as Prometheus reads them: groups and rules with their places, and what each expression looks at. */
import type { Engine, ExpressionFacts, ParsedRule } from '../judge/embedded/engine.ts'
import { orderProblems, type Problem } from '../scenario/problem.ts'
import { alertSeries } from './dependencies.ts'

export interface RuleGroup {
  readonly file: string
  readonly name: string
  readonly intervalMs: number
  readonly queryOffsetMs: number
  /** Most alerts or series that a rule may give; 0: no limit. */
  readonly limit: number
  readonly rules: readonly Rule[]
}

export interface Rule extends ParsedRule {
  /** `file:line`. */
  readonly place: string
  readonly group: string
  /** Position among all rules, unique. */
  readonly index: number
  readonly facts: ExpressionFacts
  /** Names of recorded series, and of those of alerts, that its selectors without a metric name let through. */
  readonly readsByPattern: readonly string[]
}

export interface LoadedRules {
  readonly groups: readonly RuleGroup[]
  readonly problems: readonly Problem[]
}

/** @param evaluationIntervalMs @param queryOffsetMs of groups that state none */
export function loadRules(
  files: readonly { readonly path: string; readonly text: string }[],
  engine: Engine,
  evaluationIntervalMs: number,
  queryOffsetMs = 0,
): LoadedRules {
  const problems: Problem[] = []
  const groups: (Omit<RuleGroup, 'rules'> & { readonly rules: readonly Omit<Rule, 'readsByPattern'>[] })[] = []
  let index = 0
  for (const { path, text } of files) {
    const wrong = engine.checkRules(text)
    for (const { line, column, message } of wrong) {
      problems.push({
        file: path,
        line: Math.max(1, line),
        column: Math.max(1, column),
        path: '',
        message,
        hint: undefined,
      })
    }
    if (wrong.length > 0) continue
    for (const group of engine.parseRules(text)) {
      groups.push({
        file: path,
        name: group.name,
        intervalMs: group.intervalMs ?? evaluationIntervalMs,
        queryOffsetMs: group.queryOffsetMs ?? queryOffsetMs,
        limit: group.limit,
        rules: group.rules.map((rule) => ({
          ...rule,
          labels: { ...group.labels, ...rule.labels },
          place: `${path}:${rule.line}`,
          group: group.name,
          index: index++,
          facts: engine.inspect(rule.expression),
        })),
      })
    }
  }
  if (problems.length > 0) return { groups: [], problems: orderProblems(problems) }
  const recorded = groups.flatMap(({ rules }) =>
    rules.filter(({ kind }) => kind === 'recording').map(({ name }) => name),
  )
  const written = [...new Set([...recorded, ...alertSeries])]
  const withReads = (rule: Omit<Rule, 'readsByPattern'>): Rule => ({
    ...rule,
    readsByPattern: rule.facts.selectors
      .filter(({ metric }) => metric === undefined)
      .flatMap(({ selector }) => engine.matchesName(selector, written)),
  })
  return { groups: groups.map((group) => ({ ...group, rules: group.rules.map(withReads) })), problems: [] }
}

/** Whether a template of the rule asks queries of its own. */
export function queriesInTexts({ labels, annotations }: ParsedRule): boolean {
  return [...Object.values(labels), ...Object.values(annotations)].some((text) => /\{\{[^}]*\bquery\b/.test(text))
}

/** Names of all alerts, sorted, each once. */
export function alertNames(groups: readonly RuleGroup[]): string[] {
  const names = groups.flatMap(({ rules }) => rules.filter(({ kind }) => kind === 'alerting').map(({ name }) => name))
  return [...new Set(names)].sort()
}

/**
 * Every metric name that the rules select; undefined when one of them selects by something else than the name, or asks
 * queries in a text.
 */
export function selectedMetrics(groups: readonly RuleGroup[]): Set<string> | undefined {
  const names = new Set<string>()
  for (const { rules } of groups) {
    for (const rule of rules) {
      if (queriesInTexts(rule)) return undefined
      const { facts } = rule
      for (const { metric } of facts.selectors) {
        if (metric === undefined) return undefined
        names.add(metric)
      }
    }
  }
  return names
}
