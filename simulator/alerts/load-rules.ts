/** Rule files as Prometheus reads them: groups and rules with their places, and what each expression looks at. */
import type { Engine, ExpressionFacts, ParsedRule, RuleFileProblem } from '../judge/embedded/engine.ts'
import { orderProblems, type Problem } from '../scenario/problem.ts'
import { alertSeries } from './dependencies.ts'
import { fillInRecordings } from './fill-in-recordings.ts'

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
  /** What is evaluated: as written, with the recordings of the same group filled in. */
  readonly expression: string
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
  const parsed: { path: string; group: ParsedGroup }[] = []
  for (const { path, text } of files) {
    const deep = lineOfDeepNesting(text)
    if (deep !== undefined) {
      const message = `an expression is nested more than ${depthMax} levels deep`
      problems.push({ file: path, line: deep, column: 1, path: '', message, hint: undefined })
      continue
    }
    const wrong = engine.checkRules(text).map((problem) => (problem.line > 0 ? problem : placed(problem, text)))
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
    if (wrong.length === 0) parsed.push(...engine.parseRules(text).map((group) => ({ path, group })))
  }
  if (problems.length > 0) return { groups: [], problems: orderProblems(problems) }
  const recorded = parsed
    .flatMap(({ group }) => group.rules.filter(({ kind }) => kind === 'recording'))
    .map(({ name }) => name)
  const recordings = new Map<string, number>()
  for (const name of recorded) recordings.set(name, (recordings.get(name) ?? 0) + 1)
  const isRecordedOnce = (name: string) => recordings.get(name) === 1
  const written = [...new Set([...recorded, ...alertSeries])]
  let index = 0
  const groups = parsed.map(({ path, group }): RuleGroup => {
    const rules = group.rules.map((rule) => ({ ...rule, labels: { ...group.labels, ...rule.labels } }))
    return {
      file: path,
      name: group.name,
      intervalMs: group.intervalMs ?? evaluationIntervalMs,
      queryOffsetMs: group.queryOffsetMs ?? queryOffsetMs,
      limit: group.limit,
      // A limit makes a recording give less than its expression.
      rules: (group.limit > 0 ? rules : fillInRecordings(rules, isRecordedOnce)).map((rule) => {
        const facts = engine.inspect(rule.expression)
        const readsByPattern = facts.selectors
          .filter(({ metric }) => metric === undefined)
          .flatMap(({ selector }) => engine.matchesName(selector, written))
        return { ...rule, place: `${path}:${rule.line}`, group: group.name, index: index++, facts, readsByPattern }
      }),
    }
  })
  return { groups, problems: [] }
}

/** Whether a template of the rule asks queries of its own. */
export function queriesInTexts({ labels, annotations }: ParsedRule): boolean {
  return [...Object.values(labels), ...Object.values(annotations)].some((text) => /\{\{[^}]*\bquery\b/.test(text))
}

type ParsedGroup = ReturnType<Engine['parseRules']>[number]
/** The parser recurses, and would run out of stack on what nobody writes by hand. */
const depthMax = 500

function lineOfDeepNesting(text: string): number | undefined {
  for (const [i, line] of text.split('\n').entries()) {
    if (line.length < depthMax) continue
    let depth = 0
    for (const character of line) {
      if ('([{'.includes(character)) depth += 1
      else if (')]}'.includes(character)) depth -= 1
      if (depth > depthMax) return i + 1
    }
  }
  return undefined
}

/** Prometheus names the rule or the group, but no line, when a template or a name is wrong. */
function placed(problem: RuleFileProblem, text: string): RuleFileProblem {
  const [, rule] = /^group "[^"]*", rule \d+, "([^"]*)"/.exec(problem.message) ?? []
  const [, group] = /^groupname: "([^"]*)" is repeated/.exec(problem.message) ?? []
  const keys = rule === undefined ? 'name' : 'alert|record'
  const name = rule ?? group
  if (name === undefined) return problem
  const key = new RegExp(`^[-\\s]*(?:${keys}):\\s*["']?${escaped(name)}["']?\\s*(?:#.*)?$`)
  const lines = text.split('\n').flatMap((line, i) => (key.test(line) ? [i] : []))
  const at = group === undefined ? lines[0] : lines[1]
  return at === undefined ? problem : { ...problem, line: at + 1, column: text.split('\n')[at]!.search(/[a-z]/) + 1 }
}

function escaped(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
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
