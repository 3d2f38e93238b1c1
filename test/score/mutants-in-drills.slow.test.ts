/**
 * What `firedrill score` says of a mutant is what a drill says that runs with the changed rule file: noticed with the very
 * words, survived when the drill holds.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import type { Rule } from '../../simulator/alerts/load-rules.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import type { RunReport } from '../../simulator/report/json.ts'
import { judgeMutants, type MutantTools, type MutantVerdict } from '../../simulator/score/judge-mutants.ts'
import { type Mutant, mutateRule } from '../../simulator/score/mutate-rule.ts'
import { recordForScore } from '../../simulator/score/record-drills.ts'
import { builtCommand } from '../cli/built-command.ts'
import { firedrill } from '../cli/run-command.ts'
import { shippedDrill, shippedSetup, testEngine } from '../drill/run-scenario.ts'

const alert = 'ServiceDown'
const drill = shippedDrill('service-down')
const folder = mkdtempSync(join(tmpdir(), 'firedrill-mutants-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let mutants: readonly Mutant[] = []
let verdicts: readonly MutantVerdict[] = []

beforeAll(async () => {
  await builtCommand()
  const { config, groups, foreignRules } = await shippedSetup()
  const engine = await testEngine()
  const rule = groups.flatMap((group) => group.rules).find(({ name }) => name === alert)!
  const tools: MutantTools = { config, groups, foreignRules, engine, wallClock: () => 0 }
  const kept = join(folder, 'record')
  const [result] = await recordForScore([drill], kept, [alert], tools)
  const held = { alerts: heldIn(result!), steady: result!.steady?.ok === true }
  mutants = mutateRule(rule, engine)
  const toJudge = mutants.map((mutant, id) => ({ id, rule: mutant.rule }))
  verdicts = await judgeMutants([{ folder: kept, drill, held }], toJudge, tools)
}, 180_000)

test('a drill with the file of a mutant says what the score says of it', { timeout: 300_000 }, async () => {
  const noticed = verdicts.filter((verdict) => verdict.noticed)
  const survived = verdicts.filter((verdict) => !verdict.noticed)
  const chosen = [...noticed.slice(0, 3), ...survived.slice(0, 1)]
  expect(noticed.length).toBeGreaterThanOrEqual(3)
  // Whose matcher is gone says the same while only a service that it named is down.
  expect(survived.map(({ id }) => mutants[id]!.kind)).toContain('matcher')
  for (const { id, noticed: byScore } of chosen) {
    const { name, rule } = mutants[id]!
    const inDrill = await drillWith(rule)
    expect(inDrill, name).toBe(byScore?.what)
  }
})

/** @returns what the first expectation says that does not hold; undefined when all that is about the alert does */
async function drillWith(rule: Rule): Promise<string | undefined> {
  const file = join(folder, 'mutant.yml')
  writeFileSync(file, fileOf(rule))
  const { code, stdout, stderr } = await firedrill(['run', 'service-down', '--no-twins', '--rules', file, '--json'])
  if (stdout === '') throw new Error(stderr)
  const [result] = (JSON.parse(stdout) as RunReport).drills
  const failing = result!.alerts.find(({ ok }) => !ok)
  if (failing) return `${failing.alertname} ${failing.detail}`
  if (result!.steady?.ok === false) return result!.steady.detail
  expect(code).toBe(0)
  return undefined
}

/** The shipped file with another rule in the place of the one with its name. */
function fileOf({ name, expression, forMs }: Rule): string {
  const shipped = parseDocument(readFileSync(join('observability', 'prometheus', 'alert-rules.yml'), 'utf8'))
  const { groups } = shipped.toJS() as { groups: { rules: { alert?: string }[] }[] }
  const group = groups.findIndex(({ rules }) => rules.some((rule) => rule.alert === name))
  const at = groups[group]!.rules.findIndex((rule) => rule.alert === name)
  shipped.setIn(['groups', group, 'rules', at, 'expr'], expression)
  shipped.setIn(['groups', group, 'rules', at, 'for'], formatDurationMs(forMs))
  return String(shipped)
}

function heldIn({ alerts }: DrillResult): string[] {
  return alerts.filter(({ ok }) => ok).map(({ alertname }) => alertname)
}
