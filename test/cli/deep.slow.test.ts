/**
 * `--deep`: what only more simulation shows. Rules with a defect and the same ones without it go through one run: a rule whose
 * number is not the one that decides (found by bisection), one that fires on a platform that nobody uses, and one that fires
 * on quiet mornings of other seeds.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunFinding } from '../../simulator/findings/look-for-findings.ts'
import { builtCommand } from './built-command.ts'
import { type Ended, firedrill } from './run-command.ts'

const free = 'node_filesystem_avail_bytes{mountpoint="/data"} / node_filesystem_size_bytes'
const served = 'sum by (job) (rate(recommendations_served_total[5m]))'
const asked = 'sum by (job) (rate(http_requests_total{endpoint=~"/recommendations.*"}[5m]))'

const rules = {
  bad: [
    // Left over from an earlier threshold: the inner comparison decides.
    `{ alert: DiskBad, expr: '(${free} < 0.05) < 0.2' }`,
    `{ alert: IdleBad, expr: '${served} < 0.001', for: 2m }`,
    `{ alert: BusyBad, expr: 'sum by (job) (rate(http_requests_total{job="backend-api"}[2m])) > 20', for: 1m }`,
  ],
  good: [
    `{ alert: DiskGood, expr: '${free} < 0.2' }`,
    `{ alert: IdleGood, expr: '${served} < 0.001 and on (job) ${asked} > 1', for: 2m }`,
    `{ alert: BusyGood, expr: 'sum by (job) (rate(http_requests_total{job="backend-api"}[2m])) > 2000', for: 1m }`,
  ],
}

const scenario = (name: string, alert: string, end: string) => `format: 1
scenario: ${name}
title: A disk fills
clock: { length: 4m }
world: recommender-small
load: [{ perSecond: 2 }]
events: [{ id: fill, at: 1m, fault: disk.fill, target: { mountpoint: /data }, available: ${end} }]
expect: { alerts: { ${alert}: { firing: { after: fill, between: [0s, 3m] } } }, otherwise: may }
`

let folder = ''
let ended: Ended
let findings: readonly RunFinding[] = []

beforeAll(async () => {
  await builtCommand()
  folder = mkdtempSync(join(tmpdir(), 'firedrill-deep-'))
  mkdirSync(join(folder, 'scenarios'))
  for (const [kind, lines] of Object.entries(rules)) {
    const text = `groups:\n  - name: ${kind}\n    interval: 30s\n    rules:\n${lines.map((line) => `      - ${line}\n`).join('')}`
    writeFileSync(join(folder, `${kind}.yml`), text)
  }
  writeFileSync(join(folder, 'scenarios', 'disk-bad.yaml'), scenario('disk-bad', 'DiskBad', '0.01'))
  writeFileSync(join(folder, 'scenarios', 'disk-good.yaml'), scenario('disk-good', 'DiskGood', '0.01'))
  const args = ['run', '--all', '--deep', '--rules', 'bad.yml,good.yml', '--fail-on', 'warning', '--json']
  ended = await firedrill(args, { cwd: folder })
  if (ended.stdout === '') throw new Error(ended.stderr)
  findings = (JSON.parse(ended.stdout) as { findings: RunFinding[] }).findings
}, 480_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const about = (alert: string) => findings.filter(({ message }) => message.includes(alert))

test('a rule whose number does not decide is told, with the smallest fault that fires it and what was read there', () => {
  const [found, ...more] = about('DiskBad').filter(({ code }) => code === 'threshold-not-tested')
  expect(more).toEqual([])
  expect(found).toMatchObject({ where: 'bad.yml:5', message: expect.stringContaining('the rule says < 0.2') })
  const [, from, read] = /fires from fill.available ([\d.]+) on, where the expression reads ([\d.]+);/.exec(
    found!.evidence,
  )!
  expect(Number(from)).toBeCloseTo(0.05, 2)
  expect(Number(read)).toBeCloseTo(0.05, 2)
})

test('a rule that fires when nobody uses the platform is told', () => {
  const found = about('IdleBad').filter(({ code }) => code === 'fires-when-idle')
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({ where: 'bad.yml:6', evidence: expect.stringContaining('no request from') })
})

test('a rule that fires on quiet mornings is told, with how many of the seeds', () => {
  const found = about('BusyBad').filter(({ code }) => code === 'fires-without-fault')
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({
    where: 'bad.yml:7',
    evidence: expect.stringMatching(/in \d of \d drills without a fault/),
  })
})

test('the rules without the defects have no finding, and the run fails for the others', () => {
  const found = findings.filter(({ where, severity }) => where.startsWith('good.yml') && severity !== 'info')
  // Both kinds of a rule side by side do fire together.
  expect(found.filter(({ code }) => code !== 'duplicate-coverage')).toEqual([])
  expect(ended.code).toBe(7)
})
