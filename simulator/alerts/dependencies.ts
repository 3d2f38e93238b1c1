/** Which rules feed which: through recorded series and through ALERTS. */
import type { Rule, RuleGroup } from './load-rules.ts'

export interface PlannedRule {
  readonly rule: Rule
  readonly group: RuleGroup
}

export interface RulePlan {
  /** Rules that read no result of another rule and whose result no other rule reads. */
  readonly independent: readonly PlannedRule[]
  /** The others, so ordered that each stands behind those whose results it reads. */
  readonly ordered: readonly PlannedRule[]
  /**
   * Those that no order does justice to, and those that read their results: a rule that reads itself, or one that reads a
   * rule below it in its group. They go instant by instant, in the order of the files.
   */
  readonly stepwise: readonly PlannedRule[]
  /** Rules whose results a rule reads, directly. */
  readonly feeds: ReadonlyMap<Rule, readonly Rule[]>
}

export function planRules(groups: readonly RuleGroup[]): RulePlan {
  const entries = groups.flatMap((group) => group.rules.map((rule, position) => ({ rule, group, position })))
  const feeds = feedsOf(entries)
  const fed = new Set([...feeds.values()].flat())
  const independent = entries.filter((entry) => feeds.get(entry)!.length === 0 && !fed.has(entry))
  const waiting = new Set(entries)
  for (const entry of independent) waiting.delete(entry)
  const ordered: Entry[] = []
  for (let before = -1; before !== ordered.length; ) {
    before = ordered.length
    for (const entry of waiting) {
      if (feeds.get(entry)!.some((writer) => waiting.has(writer))) continue
      waiting.delete(entry)
      ordered.push(entry)
    }
  }
  const stepwise = new Set(waiting)
  for (const entry of ordered) {
    // Within a group a rule sees what the rules above it gave at the same time, but of those below only what they gave before.
    const backwards = feeds
      .get(entry)!
      .filter((writer) => writer.group === entry.group && writer.position > entry.position)
    if (backwards.length === 0) continue
    stepwise.add(entry)
    for (const writer of backwards) stepwise.add(writer)
  }
  for (const entry of ordered) {
    if (feeds.get(entry)!.some((writer) => stepwise.has(writer))) stepwise.add(entry)
  }
  return {
    independent,
    ordered: ordered.filter((entry) => !stepwise.has(entry)),
    stepwise: entries.filter((entry) => stepwise.has(entry)),
    feeds: new Map(entries.map((entry) => [entry.rule, feeds.get(entry)!.map((writer) => writer.rule)])),
  }
}

interface Entry extends PlannedRule {
  readonly position: number
}

/** Whose results each rule reads, in the order of the files. Looked up by name: there may be ten thousand rules. */
function feedsOf(entries: readonly Entry[]): Map<Entry, Entry[]> {
  const writers = new Map<string, Entry[]>()
  for (const entry of entries) {
    for (const name of namesWritten(entry.rule)) {
      const list = writers.get(name)
      if (list) list.push(entry)
      else writers.set(name, [entry])
    }
  }
  const order = new Map(entries.map((entry, i) => [entry, i]))
  return new Map(
    entries.map((reader) => {
      const names = reader.rule.facts.selectors.flatMap(({ metric }) => metric ?? reader.rule.readsByPattern)
      const able = new Set([...new Set(names)].flatMap((name) => writers.get(name) ?? []))
      const feeding = [...able].filter((writer) => isFedBy(reader.rule, writer.rule))
      return [reader, feeding.sort((a, b) => order.get(a)! - order.get(b)!)]
    }),
  )
}

function namesWritten({ kind, name }: Rule): readonly string[] {
  return kind === 'recording' ? [name] : alertSeries
}

function isFedBy(reader: Rule, writer: Rule): boolean {
  const writes = namesWritten(writer)
  return reader.facts.selectors.some(({ metric, matchers }) => {
    // A selector without a name was asked by the engine which of the recorded names it lets through.
    const reads = metric === undefined ? reader.readsByPattern : [metric]
    if (!writes.some((name) => reads.includes(name))) return false
    const byName = matchers.find(({ name }) => name === 'alertname')
    return writer.kind === 'recording' || byName?.operator !== '=' || byName.value === writer.name
  })
}

/** What an alerting rule writes. */
export const alertSeries: readonly string[] = ['ALERTS', 'ALERTS_FOR_STATE']

/** Names of the alerts that read the result of a rule, directly or through other rules. */
export function alertsReading(rule: Rule, groups: readonly RuleGroup[]): string[] {
  const rules = groups.flatMap((group) => group.rules)
  const found = new Set<Rule>()
  const waiting = [rule]
  for (let writer = waiting.pop(); writer; writer = waiting.pop()) {
    for (const reader of rules) {
      if (found.has(reader) || !isFedBy(reader, writer)) continue
      found.add(reader)
      waiting.push(reader)
    }
  }
  return [...found].filter(({ kind }) => kind === 'alerting').map(({ name }) => name)
}
