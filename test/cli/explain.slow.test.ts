/** `firedrill explain` on the command line: what it says, for people and for machines, and what it refuses. */
import { expect, test } from 'vitest'
import { firedrill } from './run-command.ts'

test('an alert that fired is told step by step, with its operands', async () => {
  const { code, stdout, stderr, left } = await firedrill(['explain', 'service-down', 'ServiceDown'])
  expect(stdout).toMatch(/^ServiceDown in service-down +seed 42 +✓ expected to fire\n/)
  expect(stdout).toMatch(/Why did it fire\?\n +It fired [\d:]+ to [\d:]+: `up\{/)
  for (const step of ['The fault begins', 'The condition becomes true', 'Firing', 'Resolved']) {
    expect(stdout).toContain(step)
  }
  expect(stdout).toMatch(/the expression, part by part +before +during +after/)
  expect({ code, stderr, left }).toEqual({ code: 0, stderr: '', left: [] })
}, 120_000)

test('one that stayed silent says what was missing, as JSON too', async () => {
  const { code, stdout } = await firedrill(['explain', 'service-down/just-below', 'ServiceDown', '--json'])
  const told = JSON.parse(stdout)
  expect(told).toMatchObject({ format: 1, scenario: 'service-down/just-below', verdict: 'held', exitCode: 0 })
  const [alert] = told.alerts
  expect(alert.alertname).toBe('ServiceDown')
  expect(alert.question).toMatch(/^Why did it not/)
  expect(alert.operands.length).toBeGreaterThan(0)
  expect(code).toBe(0)
}, 120_000)

test('a name that no rule has, and one that no scenario has, are told with the nearest', async () => {
  const alert = await firedrill(['explain', 'service-down', 'ServiceDwon'])
  expect(alert.stderr).toMatch(/ServiceDwon.*ServiceDown/s)
  expect(alert.code).toBe(2)
  const scenario = await firedrill(['explain', 'service-dwon'])
  expect(scenario.stderr).toContain('no scenario is called "service-dwon" (did you mean "service-down"?)')
  expect(scenario.code).toBe(2)
}, 60_000)
