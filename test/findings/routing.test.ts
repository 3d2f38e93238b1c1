/** Which receivers an alert reaches, and which other alert silences it. */
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Alertmanager, loadAlertmanager } from '../../simulator/alertmanager/alertmanager-config.ts'
import { withReceivers } from '../../simulator/alertmanager/paging.ts'
import { inhibits, receiversOf } from '../../simulator/alertmanager/routing.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { testEngine } from '../drill/run-scenario.ts'
import { alertmanagerOf } from './finding-fixture.ts'

const tree = `
route:
  receiver: top
  routes:
    - matchers: [team="data"]
      receiver: data
      continue: true
      routes:
        - matchers: [severity="critical"]
          receiver: pager
    - matchers: ['severity=~"warn.*"']
    - matchers: [team!="shop"]
      receiver: others
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [team, cluster]
receivers: [{ name: top }, { name: data }, { name: pager }, { name: others }]
`
let alertmanager: Alertmanager
beforeAll(async () => {
  alertmanager = loadAlertmanager('alertmanager.yml', Buffer.from(tree), await testEngine()).alertmanager!
})

describe('receiversOf', () => {
  test.each([
    ['the route at the top, when no other wants it', { team: 'shop', severity: 'info' }, ['top']],
    [
      'the inner route instead of the outer one, and those after one that continues',
      { team: 'data', severity: 'critical' },
      ['pager', 'others'],
    ],
    ['the receiver of the route above, when a route has none', { team: 'shop', severity: 'warning' }, ['top']],
    ['the first one only, where it does not continue', { team: 'data', severity: 'warning' }, ['data', 'top']],
    ['a label that is missing is empty, which is not "shop"', {}, ['others']],
  ])('%s', (_, labels, receivers) => {
    expect(receiversOf(alertmanager, labels as Record<string, string>)).toEqual(receivers)
  })
})

describe('inhibits', () => {
  const rule = () => alertmanager.inhibitions[0]!
  test('a critical alert silences a warning of the same team; a label that both lack is equal', () => {
    expect(inhibits(rule(), { severity: 'critical', team: 'a' }, { severity: 'warning', team: 'a' })).toBe(true)
  })
  test('not the other way round, not of another team, and not where one side alone has the label', () => {
    expect(inhibits(rule(), { severity: 'warning', team: 'a' }, { severity: 'critical', team: 'a' })).toBe(false)
    expect(inhibits(rule(), { severity: 'critical', team: 'a' }, { severity: 'warning', team: 'b' })).toBe(false)
    expect(
      inhibits(rule(), { severity: 'critical', team: 'a', cluster: 'x' }, { severity: 'warning', team: 'a' }),
    ).toBe(false)
  })
})

describe('inhibitedBy', () => {
  const firing = (alertname: string, labels: Record<string, string>, from: number, until: number) => ({
    alertname,
    instances: [{ labels, episodes: [{ firingAt: [from, from], resolvedAt: [until, until] }] }],
  })
  const inhibitedBy = (...alerts: ReturnType<typeof firing>[]) =>
    withReceivers({ alerts } as unknown as DrillResult, alertmanager, { cluster: 'eu' }).alerts.map(
      ({ instances }) => instances[0]!.inhibitedBy,
    )
  const critical = { severity: 'critical', team: 'a' }
  const warning = { severity: 'warning', team: 'a' }

  test('names the alert that fires meanwhile', () => {
    expect(inhibitedBy(firing('Down', critical, 60, 300), firing('Slow', warning, 200, 400))).toEqual([[], ['Down']])
  })
  test('nobody, when the other one is over before', () => {
    expect(inhibitedBy(firing('Down', critical, 60, 100), firing('Slow', warning, 200, 400))).toEqual([[], []])
  })
  test('nobody, when the external label is replaced on one side', () => {
    const elsewhere = { ...warning, cluster: 'us' }
    expect(inhibitedBy(firing('Down', critical, 60, 300), firing('Slow', elsewhere, 60, 300))).toEqual([[], []])
  })
})

test('the shipped file pages for ServiceDown, and the target that is down with it is not told twice', async () => {
  const shipped = alertmanagerOf(join('observability', 'alertmanager', 'alertmanager.yml'), await testEngine())!
  const same = { team: 'zeta', job: 'ml-engine', instance: 'ml-engine' }
  const down = { alertname: 'ServiceDown', severity: 'critical', ...same }
  const target = { alertname: 'PrometheusTargetDown', severity: 'info', ...same }
  expect(receiversOf(shipped, down)).toEqual(['firedrill', 'zeta-critical'])
  expect(shipped.inhibitions.some((rule) => inhibits(rule, down, target))).toBe(true)
  expect(shipped.inhibitions.some((rule) => inhibits(rule, down, { ...target, instance: 'other' }))).toBe(false)
})
