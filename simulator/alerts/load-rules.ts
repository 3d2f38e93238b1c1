/** Rule files as Prometheus reads them: groups and rules with their places, and what each expression looks at. */
import type { Engine, ExpressionFacts, ParsedRule } from '../judge/embedded/engine.ts'
import { orderProblems, type Problem } from '../scenario/problem.ts'

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
}

export interface LoadedRules {
  readonly groups: readonly RuleGroup[]
  readonly problems: readonly Problem[]
}

/** @param evaluationIntervalMs of groups that state none */
export function loadRules(
  files: readonly { readonly path: string; readonly text: string }[],
  engine: Engine,
  evaluationIntervalMs: number,
): LoadedRules {
  const problems: Problem[] = []
  const groups: RuleGroup[] = []
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
        queryOffsetMs: group.queryOffsetMs ?? 0,
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
  return { groups: problems.length > 0 ? [] : groups, problems: orderProblems(problems) }
}

/** Names of all alerts, sorted, each once. */
export function alertNames(groups: readonly RuleGroup[]): string[] {
  const names = groups.flatMap(({ rules }) => rules.filter(({ kind }) => kind === 'alerting').map(({ name }) => name))
  return [...new Set(names)].sort()
}

/** Every metric name that the rules select; undefined when one of them selects by something else than the name. */
export function selectedMetrics(groups: readonly RuleGroup[]): Set<string> | undefined {
  const names = new Set<string>()
  for (const { rules } of groups) {
    for (const { facts } of rules) {
      for (const { metric } of facts.selectors) {
        if (metric === undefined) return undefined
        names.add(metric)
      }
    }
  }
  return names
}
