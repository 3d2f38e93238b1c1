import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadRules } from '../../simulator/alerts/load-rules.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { readEquivalentMutants } from '../../simulator/score/equivalent-mutants.ts'
import { mutateRule } from '../../simulator/score/mutate-rule.ts'
import { testEngine } from '../drill/run-scenario.ts'

async function mutantsOf(expression: string, wait = '') {
  const engine = await testEngine()
  const text = `groups: [{ name: g, rules: [{ alert: A, expr: '${expression}'${wait} }] }]`
  const { groups, problems } = loadRules([{ path: 'a.yml', text }], engine, 60_000)
  expect(problems).toEqual([])
  return mutateRule(groups[0]!.rules[0]!, engine)
}

const expressionsOf = async (expression: string, kind: string) =>
  (await mutantsOf(expression)).filter((mutant) => mutant.kind === kind).map(({ rule }) => rule.expression)

test('a threshold is doubled and halved, on either side of the comparison', async () => {
  expect(await expressionsOf('x > 10', 'threshold')).toEqual(['x > 20', 'x > 5'])
  expect(await expressionsOf('0.5 < x', 'threshold')).toEqual(['1 < x', '0.25 < x'])
  expect(await expressionsOf('x > -(3)', 'threshold')).toEqual(['x > -(6)', 'x > -(1.5)'])
})

test('a threshold of nothing becomes the smallest count', async () => {
  expect(await expressionsOf('x == 0', 'threshold')).toEqual(['x == 1'])
})

test('a number that is compared with nothing is no threshold', async () => {
  expect(await expressionsOf('topk(5, x * 100) > y', 'threshold')).toEqual([])
})

test('every comparison is turned, those inside as well, and no other operator', async () => {
  const turned = await expressionsOf('x / (y > 0) >= bool 2 or x != 1', 'comparison')
  expect([...turned].sort()).toEqual([
    'x / (y < 0) >= bool 2 or x != 1',
    'x / (y > 0) <= bool 2 or x != 1',
    'x / (y > 0) >= bool 2 or x == 1',
  ])
})

test('the window of a selector and of a subquery is changed, its step and offsets are not', async () => {
  expect(await expressionsOf('rate(x[5m]) > 0', 'window')).toEqual(['rate(x[10m]) > 0', 'rate(x[2m30s]) > 0'])
  expect(await expressionsOf('max_over_time(x[1h:15s] offset 1d) > 0', 'window')).toEqual([
    'max_over_time(x[2h:15s] offset 1d) > 0',
    'max_over_time(x[30m:15s] offset 1d) > 0',
  ])
})

test('each label matcher is left out with its comma; the name of the metric stays', async () => {
  expect(await expressionsOf('x{a="1",b=~"2"} > 0', 'matcher')).toEqual(['x{b=~"2"} > 0', 'x{a="1"} > 0'])
  expect(await expressionsOf('x{a="1"} > 0', 'matcher')).toEqual(['x{} > 0'])
  expect(await expressionsOf('{__name__="x", a="1"} > 0', 'matcher')).toEqual(['{__name__="x"} > 0'])
})

test('an aggregation becomes another one, and loses each label of its grouping', async () => {
  expect(await expressionsOf('sum by (a, b) (x) > 0', 'aggregation')).toEqual([
    'max by (a, b) (x) > 0',
    'sum by (b) (x) > 0',
    'sum by (a) (x) > 0',
  ])
})

test('text inside of strings is left alone', async () => {
  const names = (await mutantsOf('x{a="sum by (b) (y[5m]) > 10"} > 10')).map(({ kind }) => kind)
  expect(names).toEqual(['threshold', 'threshold', 'comparison', 'matcher'])
})

test('for is removed and doubled', async () => {
  const mutants = (await mutantsOf('x > y', ', for: 5m')).filter(({ kind }) => kind === 'for')
  expect(mutants.map(({ name, rule }) => [name, rule.forMs])).toEqual([
    ['for 5m removed', 0],
    ['for 5m -> 10m', 600_000],
  ])
})

test('names are unique, also when the same expression stands there twice', async () => {
  const names = (await mutantsOf('rate(x[5m]) / rate(x[5m]) > 0.5')).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names).toContain('window 5m -> 10m of x (2)')
})

test('an entry of the list of equivalent mutants that names none is a problem with its place', async () => {
  const mutants = await mutantsOf('x > 10')
  const text = [
    'format: 1',
    'equivalent:',
    '  - { rule: A, mutant: threshold 10 -> 20 in x > 10, reason: nobody cares about it }',
    '  - { rule: A, mutant: threshold 10 -> 30 in x > 10, reason: nobody cares about it }',
  ].join('\n')
  const { equivalent, problems } = readEquivalentMutants('list.yaml', Buffer.from(text), mutants)
  expect(equivalent).toMatchObject([{ kind: 'equivalent' }, { kind: 'equivalent' }])
  expect(problems).toMatchObject([{ line: 4, message: 'A has no mutant of this name' }])
})

test('each entry of the shipped list of equivalent mutants names a mutant of the shipped rules, and says why', async () => {
  const engine = await testEngine()
  const folder = join(packageRoot(), 'observability', 'prometheus')
  const files = ['alert-rules.yml', 'slo-rules.yml'].map((name) => {
    const path = join(folder, name)
    return { path, text: readFileSync(path, 'utf8') }
  })
  const { groups } = loadRules(files, engine, 15_000)
  const mutants = groups.flatMap(({ rules }) => rules).flatMap((rule) => mutateRule(rule, engine))
  const list = join(folder, 'equivalent-mutants.yaml')
  const { equivalent, problems } = readEquivalentMutants(list, readFileSync(list), mutants)
  expect(problems).toEqual([])
  expect(equivalent.filter(({ reason }) => reason.length < 10)).toEqual([])
})
