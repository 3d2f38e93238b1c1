/** The suites of `firedrill verify` against servers that answer as they are told: a suite must be able to fail. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { RuleGroup } from '../../simulator/alerts/load-rules.ts'
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import { withoutAbsent } from '../../simulator/live/verify/answering.ts'
import {
  below,
  failed,
  notJudged,
  passed,
  runSuite,
  type Stack,
  Unanswered,
} from '../../simulator/live/verify/check.ts'
import { verifyDashboards } from '../../simulator/live/verify/dashboard-suite.ts'
import { typeScriptLoader } from '../../simulator/live/verify/example-suite.ts'
import { verifyLogs } from '../../simulator/live/verify/log-suite.ts'
import { verifyRules } from '../../simulator/live/verify/rule-suite.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function answering(answers: Readonly<Record<string, unknown>>): Promise<Stack> {
  const server = createServer((request, response) => {
    const answer = answers[request.url!.split('?')[0]!]
    response.statusCode = answer === undefined ? 404 : 200
    response.end(JSON.stringify(answer ?? 'not here'))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { backendApi: url, prometheus: url, alertmanager: undefined, loki: url, jaeger: url, outage: undefined }
}

describe('a stack that runs already', () => {
  test('is verified without servers that only have stand-ins, and says so', async () => {
    const given = await answering({ '/loki/api/v1/labels': { status: 'success', data: [] } })
    const { stack, notes } = await withoutAbsent(given, ['loki', 'jaeger'])
    expect(stack).toEqual({ ...given, jaeger: undefined })
    expect(notes).toEqual([
      `no Jaeger answers, so what needs it is not judged: ${given.jaeger}/api/services: 404 "not here"`,
    ])
  })

  test('is taken at its word where it is named', async () => {
    const given = await answering({})
    expect(await withoutAbsent(given, [])).toEqual({ stack: given, notes: [] })
  })
})

describe('the examples', () => {
  const nowhere = () => {
    throw new Error('not found')
  }
  test.each([
    ['/app/observability/examples', '22.18.0', []],
    ['/app/observability/examples', '22.17.9', 'they are TypeScript: tsx, or Node.js 22.18 or newer, runs them'],
    [
      '/app/node_modules/firedrill/observability/examples',
      '24.0.0',
      'they are TypeScript, which Node.js runs in no installed package: npm install --save-dev tsx',
    ],
  ])('of %s with Node.js %s without tsx: %j', (folder, version, loader) => {
    expect(typeScriptLoader(folder, version, nowhere)).toEqual(loader)
    expect(typeScriptLoader(folder, version, () => 'tsx')).toEqual(['--import', 'tsx'])
  })
})

describe('a suite', () => {
  test.each([
    { checks: [passed('a', '')], state: 'passed' },
    { checks: [passed('a', ''), notJudged('b', '', true)], state: 'passed' },
    { checks: [passed('a', ''), notJudged('b', '')], state: 'not judged' },
    { checks: [notJudged('a', ''), failed('b', '')], state: 'failed' },
  ])('is $state when its checks are $checks', async ({ checks, state }) => {
    expect((await runSuite(1, 'name', async () => checks)).state).toBe(state)
  })

  test('that gets no answer has failed, and says whose', async () => {
    const suite = await runSuite(1, 'name', async () => {
      throw new Unanswered('http://x: refused')
    })
    expect(suite).toMatchObject({ state: 'failed', checks: [{ detail: 'http://x: refused' }] })
  })

  test('a limit is exclusive', () => {
    expect(below('scrape', 99.9, 100).state).toBe('passed')
    expect(below('scrape', 100, 100)).toEqual(failed('scrape', '100 ms, limit 100 ms'))
  })
})

describe('alert rules', () => {
  const groups = [{ rules: [{ name: 'A' }, { name: 'B' }] }] as unknown as RuleGroup[]
  const rule = (name: string, health = 'ok', lastError = '') => ({ name, health, lastError })
  const loaded = (...rules: ReturnType<typeof rule>[]) => ({
    '/api/v1/rules': { data: { groups: [{ name: 'g', interval: 30, evaluationTime: 0.002, rules }] } },
  })

  test('hold when Prometheus has every rule', async () => {
    const checks = await verifyRules(await answering(loaded(rule('A'), rule('B'))), groups)
    expect(checks.map(({ state }) => state)).toEqual(['passed', 'passed', 'passed', 'not judged'])
  })

  test('fail with the name of the rule that is not loaded, and of the one with an error', async () => {
    const checks = await verifyRules(await answering(loaded(rule('A', 'err', 'many-to-many'))), groups)
    expect(checks[0]).toEqual(failed('rules loaded', '1 of 2; not B'))
    expect(checks[1]).toEqual(failed('rules without an error', 'A: many-to-many'))
  })
})

describe('dashboards', () => {
  const target = { refId: 'A', expression: 'up', instant: true, notJudged: undefined, broken: undefined }
  const dashboard = { uid: 'd', variables: [], panels: [{ title: 'p', targets: [target] }] } as unknown as Dashboard
  const empty = { data: { result: [] } }

  test('hold while each query is answered; the time of a page is not judged', async () => {
    const stack = await answering({ '/api/v1/query': empty })
    const checks = await verifyDashboards(stack, [dashboard], [])
    expect(checks.map(({ state }) => state)).toEqual(['passed', 'passed', 'passed', 'not judged'])
  })

  test('fail with the panel whose query is refused', async () => {
    const checks = await verifyDashboards(await answering({}), [dashboard], [])
    expect(checks[1]!.state).toBe('failed')
    expect(checks[1]!.detail).toMatch(/^p: .*404/)
  })
})

test('log lines that lack a field of the catalogue fail', async () => {
  const values = [['1', JSON.stringify({ timestamp: 't', level: 'INFO', logger: 'l', message: 'm', service: 's' })]]
  const stack = await answering({ '/loki/api/v1/query_range': { data: { result: [{ stream: {}, values }] } } })
  const checks = await verifyLogs(stack)
  expect(checks.filter(({ state }) => state === 'failed').map(({ detail }) => detail)).toEqual(
    Array(3).fill('lacks module'),
  )
})
