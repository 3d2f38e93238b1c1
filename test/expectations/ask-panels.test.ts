/** Panels of Loki and Jaeger: judged when the servers are there, else said to be not judged. */
import { beforeAll, expect, test } from 'vitest'
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import type { DrillResult, PanelResult } from '../../simulator/drill/drill-result.ts'
import { askServers } from '../../simulator/expectations/ask-servers.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { signalsDashboard } from './signals-dashboard.ts'

const startMs = Date.parse('2026-01-05T09:00:00Z')
const minute = 60_000
const servers = { loki: 'http://loki:3100', jaeger: 'http://jaeger:16686' }
let dashboards: Dashboard[]

beforeAll(async () => {
  dashboards = [await signalsDashboard()]
})

const expected = {
  dashboard: 'signals',
  labels: {},
  by: 0.2,
  duringMs: [10 * minute, 20 * minute],
  during: 'outage',
  has: undefined,
}

function drillExpecting(...panels: object[]): Drill {
  const expect = { alerts: {}, logs: [], traces: [], panels: panels.map((one) => ({ ...expected, ...one })) }
  return { startMs, lengthMs: 30 * minute, events: [], steady: undefined, expect } as unknown as Drill
}

function unjudged(...panels: string[]): DrillResult {
  const results = panels.map((panel) => ({
    dashboard: 'signals',
    panel,
    refId: 'A',
    state: 'not judged',
    ok: false,
    detail: '',
  }))
  const nothing = { alerts: [], effects: [], steady: undefined, logs: [], traces: [], notes: [] }
  return { ...nothing, verdict: 'expectation failed', exitCode: 1, panels: results } as unknown as DrillResult
}

function answering(answer: (address: URL) => unknown) {
  const asked: URL[] = []
  return {
    asked,
    fetchUrl: async (url: string) => {
      asked.push(new URL(url))
      const given = answer(asked.at(-1)!)
      return given instanceof Response ? given : Response.json(given)
    },
  }
}

const panelOf = ({ panels }: DrillResult, title: string): PanelResult => panels.find(({ panel }) => panel === title)!
const atMinute = (at: number) => startMs + at * minute

test('numbers of Loki move as the scenario expects, and the drill holds', async () => {
  const values = Array.from({ length: 30 }, (_, i) => [atMinute(i) / 1000, i >= 10 && i < 20 ? '50' : '2'])
  const { asked, fetchUrl } = answering(() => ({
    data: { resultType: 'matrix', result: [{ metric: { service: 'data-pipeline' }, values }] },
  }))
  const drill = drillExpecting({ panel: 'Errors', moves: 'up' })
  const result = await askServers(unjudged('Errors'), drill, { ...servers, dashboards }, fetchUrl)
  expect(asked[0]!.pathname).toBe('/loki/api/v1/query_range')
  expect(asked[0]!.searchParams.get('query')).toMatch(/service=~"\.\+", level="error"\}\[\d+s\]/)
  expect(asked[0]!.searchParams.get('start')).toBe(`${startMs}000000`)
  expect(panelOf(result, 'Errors')).toMatchObject({ state: 'data', ok: true, moves: 'up', before: 2, during: 50 })
  expect([result.verdict, result.exitCode]).toEqual(['held', 0])
})

test('lines of Loki are counted', async () => {
  const line = (at: number) => [`${atMinute(at)}000000`, '{"event":"etl_failed"}']
  const { fetchUrl } = answering(() => ({
    data: { resultType: 'streams', result: [{ stream: { service: 'data-pipeline' }, values: [11, 12, 13].map(line) }] },
  }))
  const drill = drillExpecting({ panel: 'Lines', has: 'data' })
  const result = await askServers(unjudged('Lines'), drill, { ...servers, dashboards }, fetchUrl)
  expect(panelOf(result, 'Lines')).toMatchObject({ state: 'data', ok: true, series: 1, points: 3 })
})

test('a search in Jaeger that finds nothing where there should be something fails the drill', async () => {
  const { asked, fetchUrl } = answering(() => ({ data: [] }))
  const drill = drillExpecting({ panel: 'Requests', has: 'data' })
  const result = await askServers(unjudged('Requests'), drill, { ...servers, dashboards }, fetchUrl)
  expect(asked[0]!.searchParams.get('service')).toBe('backend-api')
  expect(asked[0]!.searchParams.has('operation')).toBe(false)
  expect(panelOf(result, 'Requests')).toMatchObject({ state: 'empty', ok: false })
  expect(result.verdict).toBe('expectation failed')
})

test('a query that Loki refuses is that panel’s error, and hides no other', async () => {
  const { fetchUrl } = answering(({ pathname }) =>
    pathname.startsWith('/loki')
      ? new Response('parse error at line 1, col 9: syntax error', { status: 400 })
      : { data: [{ spans: [{ startTime: atMinute(3) * 1000 }] }] },
  )
  const result = await askServers(
    unjudged('Errors', 'Requests'),
    drillExpecting(),
    { ...servers, dashboards },
    fetchUrl,
  )
  expect(panelOf(result, 'Errors')).toMatchObject({ state: 'error', ok: false })
  expect(panelOf(result, 'Errors').detail).toContain('answers 400: parse error')
  expect(panelOf(result, 'Requests')).toMatchObject({ state: 'data', ok: true })
})

test('without the server a panel stays not judged, which is not passed', async () => {
  const { asked, fetchUrl } = answering(() => ({ data: [] }))
  const drill = drillExpecting({ panel: 'Errors', has: 'data' })
  const given = unjudged('Errors')
  const result = await askServers(given, drill, { jaeger: servers.jaeger, dashboards }, fetchUrl)
  expect(asked).toEqual([])
  expect(panelOf(result, 'Errors')).toEqual(given.panels[0])
  expect(result.verdict).toBe('expectation failed')
})
