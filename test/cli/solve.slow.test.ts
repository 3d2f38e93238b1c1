/** `firedrill solve` on a scenario of four minutes: a wrong number is found again, the right one is left alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { firedrill } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'firedrill-solve-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function scenario(
  available: number,
  readout = 'node_filesystem_avail_bytes{mountpoint="/data"} / node_filesystem_size_bytes',
) {
  const file = join(folder, 'tiny.yaml')
  const text = `format: 1
scenario: tiny
title: A disk fills
clock: { length: 4m }
world: recommender-small
load: [{ perSecond: 2 }]
events: [{ id: fill, at: 1m, fault: disk.fill, target: { mountpoint: /data }, available: 0.1 }]
twins:
  - name: below
    set: { fill.available: ${available} }
    solve: { knob: fill.available, readout: '${readout}', reduce: min, target: 0.2, tolerance: 0.02 }
`
  writeFileSync(file, text)
  return `${file}/below`
}

test('a number that is right is left alone', async () => {
  const { code, stdout } = await firedrill(['solve', scenario(0.2)])
  expect(stdout).toContain('right')
  expect(code).toBe(0)
})

test('a number that is not right any more is found again', async () => {
  const { code, stdout } = await firedrill(['solve', scenario(0.5), '--json'])
  const [twin] = JSON.parse(stdout).twins
  expect(twin).toMatchObject({ isRight: false, monotone: true })
  expect(twin.value).toBeCloseTo(0.2, 1)
  expect(code).toBe(1)
})

test('a read-out that Prometheus does not take is told before anything runs', async () => {
  const { code, stderr } = await firedrill(['solve', scenario(0.2, 'sum(')])
  expect(stderr).toContain('tiny/below: readout:')
  expect(code).toBe(2)
})
