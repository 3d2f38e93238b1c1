/** A false alarm is one about something that is simulated. */
import { expect, test } from 'vitest'
import type { RunSubject } from '../../simulator/findings/finding.ts'
import { firesWithoutFault } from '../../simulator/findings/fires-without-fault.ts'

const simulated = { job: 'api', address: 'api:3000', process: 'backend-api' }
const absent = { job: 'edge', address: 'edge:9100', process: undefined }

function noticed(labels: Readonly<Record<string, string>>, selectors: readonly unknown[] = [{ matchers: [] }]) {
  const episodes = [{ pendingAt: [300, 300], firingAt: [360, 360], resolvedAt: null }]
  const alert = { alertname: 'Down', instances: [{ labels, annotations: {}, episodes }] }
  const rule = { name: 'Down', kind: 'alerting', place: 'rules.yml:4', expression: 'up == 0', facts: { selectors } }
  const subject = {
    groups: [{ rules: [rule] }],
    results: [{ scenario: 'steady-state', seed: 42, events: [], alerts: [alert] }],
    survey: { targets: [simulated, absent] },
  }
  return [...firesWithoutFault.inRun!(subject as unknown as RunSubject)]
}

test('an alert about a simulated target that fires without a fault is told', () => {
  expect(noticed({ job: 'api', instance: 'api:3000' })).toMatchObject([{ where: 'rules.yml:4' }])
})

test('an alert about a target that is not simulated is not', () => {
  expect(noticed({ job: 'edge', instance: 'edge:9100' })).toEqual([])
  expect(noticed({ job: 'edge', instance: 'another name' })).toEqual([])
})

test('neither is one without labels that reads nothing else', () => {
  const selectors = [{ matchers: [{ name: 'job', operator: '=', value: 'edge' }] }]
  expect(noticed({}, selectors)).toEqual([])
  expect(noticed({}, [...selectors, { matchers: [{ name: 'job', operator: '=', value: 'api' }] }])).toHaveLength(1)
})
