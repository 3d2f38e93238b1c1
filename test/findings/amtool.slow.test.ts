/** Routes as Alertmanager does: `amtool config routes test` is asked about the shipped file and about trees made by chance. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Rng } from '../../services/runtime/ports.ts'
import { createRng } from '../../services/runtime/rng.ts'
import { loadAlertmanager } from '../../simulator/alertmanager/alertmanager-config.ts'
import { receiversOf } from '../../simulator/alertmanager/routing.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import { testEngine } from '../drill/run-scenario.ts'

const isThere = spawnSync('amtool', ['--version']).status === 0
const why = isThere ? '' : ' (skipped: amtool is not installed; it comes with Alertmanager)'

describe.skipIf(!isThere)(`the receivers of an alert, as amtool says${why}`, () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'firedrill-amtool-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('for the shipped alertmanager.yml', async () => {
    const shipped = join('observability', 'alertmanager', 'alertmanager.yml')
    const sets = ['zeta', 'other'].flatMap((team) =>
      ['critical', 'warning', 'info', 'page'].map((severity) => ({ team, severity })),
    )
    await expectSame(shipped, sets)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('for a tree made by chance (seed %i)', async (seed) => {
    const rng = createRng(seed, 'amtool')
    const file = join(folder, `${seed}.yml`)
    writeFileSync(file, randomTree(rng))
    await expectSame(
      file,
      Array.from({ length: 8 }, () => randomLabels(rng)),
    )
  })
})

async function expectSame(file: string, sets: readonly Record<string, string>[]): Promise<void> {
  const { alertmanager, problems } = loadAlertmanager(file, readFileSync(file), await testEngine())
  expect(problems.map(formatProblem)).toEqual([])
  for (const labels of sets) {
    const given = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
    const said = execFileSync('amtool', ['config', 'routes', 'test', `--config.file=${file}`, ...given], {
      encoding: 'utf8',
      // It warns about an address that nobody gave.
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    // amtool names a receiver once for each route that leads to it.
    const theirs = [...new Set(said.trim().split(','))]
    expect(receiversOf(alertmanager!, labels), `${given.join(' ')} in\n${readFileSync(file, 'utf8')}`).toEqual(theirs)
  }
}

const values: Readonly<Record<string, readonly string[]>> = {
  team: ['api', 'data', 'web'],
  severity: ['critical', 'warning'],
  cluster: ['eu-1', 'us-1'],
}
const receivers = ['r0', 'r1', 'r2', 'r3', 'r4']

function randomLabels(rng: Rng): Record<string, string> {
  const some = Object.entries(values).filter(() => rng.chance(0.8))
  return { alertname: 'A', ...Object.fromEntries(some.map(([name, all]) => [name, rng.pick(all)])) }
}

function randomTree(rng: Rng): string {
  const named = receivers.map((name) => `{ name: ${name} }`).join(', ')
  return `route:\n  receiver: r0\n${randomRoutes(rng, '  ', 3)}receivers: [${named}]\n`
}

function randomRoutes(rng: Rng, indent: string, depth: number): string {
  if (depth === 0 || rng.chance(0.2)) return ''
  const routes = Array.from({ length: 1 + rng.int(3) }, () => {
    const lines = [
      `matchers: [${Array.from({ length: rng.int(3) }, () => `'${randomMatcher(rng)}'`).join(', ')}]`,
      ...(rng.chance(0.7) ? [`receiver: ${rng.pick(receivers)}`] : []),
      `continue: ${rng.chance(0.4)}`,
    ]
    const own = lines.map((line, i) => `${indent}  ${i === 0 ? '- ' : '  '}${line}\n`).join('')
    return own + randomRoutes(rng, `${indent}    `, depth - 1)
  })
  return `${indent}routes:\n${routes.join('')}`
}

function randomMatcher(rng: Rng): string {
  const name = rng.pick(Object.keys(values))
  const operator = rng.pick(['=', '!=', '=~', '!~'])
  const value = rng.pick(values[name]!)
  const expression = rng.pick([
    `${value.slice(0, 2)}.*`,
    `${value}|none`,
    value.slice(0, 2),
    `.*${value.slice(-1)}`,
    '',
  ])
  return `${name}${operator}"${operator.endsWith('~') ? expression : rng.pick([value, ''])}"`
}
