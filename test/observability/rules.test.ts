/** The shipped alert rules: labels, texts and links, and the documents that describe them. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Rule, readRuleGroups, readText, repositoryPath } from './rule-files.ts'

const groups = readRuleGroups()
const rules = groups.flatMap((group) => group.rules.map((rule) => ({ group, rule })))

test('there are 16 alerts in three groups with their own intervals', () => {
  const shape = groups.map(({ name, interval, rules }) => [name, interval, rules.length])
  expect(shape).toEqual([
    ['critical', '30s', 6],
    ['warning', '60s', 9],
    ['info', '300s', 1],
  ])
  expect(new Set(rules.map(({ rule }) => rule.alert)).size).toBe(16)
})

describe.each(rules.map(({ group, rule }) => [rule.alert, group.name, rule] as const))('%s', (alert, group, rule) => {
  test('carries the severity of its group and the team', () => {
    expect(rule.labels).toEqual({ severity: group, team: 'zeta' })
  })

  test('has a summary, a description, a dashboard and a runbook', () => {
    expect(Object.keys(rule.annotations).sort()).toEqual(['dashboard', 'description', 'runbook', 'summary'])
    expect(rule.annotations.dashboard).toMatch(
      /^http:\/\/localhost:3001\/d\/(system-health|api-performance|ml-engine|business-metrics)$/,
    )
  })

  test('has a runbook page with its name, meaning, impact, checks and mend', () => {
    const path = rule.annotations.runbook!
    expect(path).toMatch(/^docs\/runbooks\/[a-z0-9-]+\.md$/)
    expect(existsSync(repositoryPath(path))).toBe(true)
    const page = readText(path)
    expect(page.split('\n')[0]).toBe(`# ${alert}`)
    for (const heading of ['Meaning', 'Impact', 'First checks', 'Mend']) expect(page).toContain(`\n## ${heading}\n`)
    expect(page).toContain('```promql\n')
  })

  test('says the value, and the threshold of its expression', () => {
    const { description } = rule.annotations
    expect(description).toContain('{{ $value |')
    expect(thresholdOfText(description!)).toEqual(comparisonOf(rule).threshold)
  })

  test('says the wait of the rule where it says one', () => {
    const said = /for over (\d+) minutes?/.exec(rule.annotations.description!)?.[1]
    if (said !== undefined) expect(rule.for).toBe(`${said}m`)
  })

  test('refers in its texts only to labels that the expression keeps', () => {
    const used = Object.values(rule.annotations).flatMap((text) => [...text.matchAll(/\$labels\.(\w+)/g)])
    const kept = documentedLabels(alert)
    expect(used.map(([, label]) => label).filter((label) => !kept.includes(label!))).toEqual([])
    // An aggregation keeps exactly what it names (`le` goes into the quantile).
    const by = /\bby \(([^)]*)\)/.exec(rule.expr)?.[1]?.split(', ')
    if (by !== undefined) expect(by.filter((label) => label !== 'le').sort()).toEqual([...kept].sort())
  })

  test('is in docs/alerts.md with its threshold, wait, severity and runbook', () => {
    const cells = documentedRow(alert)
    const { operator, threshold } = comparisonOf(rule)
    expect(cells[2]).toBe(`\`${operator} ${threshold}\``)
    expect(cells[3]).toBe(rule.for ?? 'none')
    expect(cells[4]).toBe(group)
    const page = rule.annotations.runbook!.replace('docs/', '')
    expect(cells[6]).toBe(`[${page.replace('runbooks/', '').replace('.md', '')}](${page})`)
  })
})

test('docs/alerts.md lists no alert that does not exist', () => {
  const documented = [...readText('docs/alerts.md').matchAll(/^\| ([A-Z]\w+) \|/gm)].map(([, name]) => name)
  const objectives = readRuleGroups('slo-rules.yml').flatMap((group) => group.rules.map((rule) => rule.alert))
  expect(documented).toEqual([
    ...rules.map(({ rule }) => rule.alert),
    ...objectives.filter((name) => name !== undefined),
  ])
})

/** The comparison that ends the expression. */
function comparisonOf(rule: Rule): { operator: string; threshold: number } {
  const match = /(==|>|<) ([\d.]+)\s*$/.exec(rule.expr)
  if (match === null) throw new Error(`${rule.alert} does not end with a comparison`)
  return { operator: match[1]!, threshold: Number(match[2]) }
}

/** `(threshold 5%)` is 0.05; "expected 1" is a state, and its opposite is 0. */
function thresholdOfText(description: string): number | undefined {
  if (description.endsWith('expected 1.')) return 0
  const match = /\(threshold ([\d.]+)(%|s|h|k| per second|)\)\.$/.exec(description)
  if (match === null) return undefined
  const scales: Record<string, number> = { '%': 0.01, s: 1, h: 3600, k: 1000, ' per second': 1, '': 1 }
  return Number((Number(match[1]) * scales[match[2]!]!).toFixed(6))
}

function documentedRow(alert: string): string[] {
  const line = readText('docs/alerts.md')
    .split('\n')
    .find((line) => line.startsWith(`| ${alert} |`))
  if (line === undefined) throw new Error(`docs/alerts.md has no row for ${alert}`)
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

function documentedLabels(alert: string): string[] {
  return documentedRow(alert)[5]!.split(', ')
}
