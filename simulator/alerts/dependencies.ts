/** Which rules feed which: through recorded series and through ALERTS. */
import type { Rule, RuleGroup } from './load-rules.ts'

export interface RulePlan {
  /** Rules that read no result of another rule and whose result no other rule reads. */
  readonly independent: readonly { readonly rule: Rule; readonly group: RuleGroup }[]
  /** The others, so ordered that each stands behind those whose results it reads. */
  readonly ordered: readonly { readonly rule: Rule; readonly group: RuleGroup }[]
  /** Rules whose order can't be told, with the reason. */
  readonly unordered: readonly { readonly rule: Rule; readonly reason: string }[]
}

export function planRules(groups: readonly RuleGroup[]): RulePlan {
  const entries = groups.flatMap((group) => group.rules.map((rule, position) => ({ rule, group, position })))
  const feeds = entries.map((reader) => entries.filter((writer) => isFedBy(reader.rule, writer.rule)))
  const fed = new Set(feeds.flat())
  const independent = entries.filter((entry, i) => feeds[i]!.length === 0 && !fed.has(entry))
  const waiting = new Map(
    entries.flatMap((entry, i) => (independent.includes(entry) ? [] : [[entry, new Set(feeds[i]!)] as const])),
  )
  const ordered: (typeof entries)[number][] = []
  for (;;) {
    const ready = [...waiting].find(([entry, writers]) => {
      const before = [...writers].every((writer) => writer === entry || !waiting.has(writer))
      return before && !writers.has(entry)
    })
    if (!ready) break
    waiting.delete(ready[0])
    ordered.push(ready[0])
  }
  const unordered = [...waiting.keys()].map(({ rule }) => ({
    rule,
    reason: 'it reads its own result, directly or through other rules',
  }))
  // Within a group a rule sees what the rules above it gave at the same time, but of those below only what they gave before.
  const backwards = ordered.filter((reader) =>
    feeds[entries.indexOf(reader)]!.some(
      (writer) => writer.group === reader.group && writer.position > reader.position,
    ),
  )
  const lost = new Set(backwards)
  for (const entry of ordered) {
    if (feeds[entries.indexOf(entry)]!.some((writer) => lost.has(writer) || waiting.has(writer))) lost.add(entry)
  }
  return {
    independent,
    ordered: ordered.filter((entry) => !lost.has(entry)),
    unordered: [
      ...unordered,
      ...[...lost].map(({ rule }) => ({
        rule,
        reason: 'it reads, directly or through another rule, a rule that stands below its reader in the same group',
      })),
    ],
  }
}

function isFedBy(reader: Rule, writer: Rule): boolean {
  return reader.facts.selectors.some(({ metric, matchers }) => {
    if (writer.kind === 'recording') return metric === undefined ? false : metric === writer.name
    if (metric !== 'ALERTS' && metric !== 'ALERTS_FOR_STATE') return false
    const byName = matchers.find(({ name }) => name === 'alertname')
    return byName === undefined || byName.operator !== '=' || byName.value === writer.name
  })
}
