import { expect, it } from 'vitest'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { askServers, countQuery } from '../../simulator/expectations/ask-servers.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'

const startMs = Date.parse('2026-01-05T09:00:00Z')
const minute = 60_000
const log = { service: 'data-pipeline', event: 'etl_failed', level: 'ERROR', fields: {}, atLeast: 2 }
const trace = { service: 'backend-api', through: 'ml-engine', slowerThanMs: 400, atLeast: 1 }
const drill = {
  startMs,
  lengthMs: 30 * minute,
  expect: {
    logs: [{ ...log, during: 'outage', duringMs: [10 * minute, 20 * minute] }],
    traces: [trace],
    alerts: {},
    panels: [],
  },
} as unknown as Drill
const nothing = { alerts: [], effects: [], steady: undefined, panels: [], logs: [], traces: [], notes: [] }
const held = { verdict: 'held', exitCode: 0, ...nothing } as unknown as DrillResult

function answering(...answers: unknown[]) {
  const asked: URL[] = []
  const fetchUrl = async (url: string) => {
    asked.push(new URL(url))
    const answer = answers[asked.length - 1]
    if (answer instanceof Error) throw answer
    return answer instanceof Response ? answer : Response.json(answer)
  }
  return { asked, fetchUrl }
}

it('asks Loki by labels, structured metadata and the fields of the line', () => {
  const fields = { tenant_id: 'acme', reason: 'timeout', attempt: 3 }
  expect(countQuery({ ...log, fields } as never, 600_000)).toBe(
    'sum(count_over_time({service="data-pipeline", level="error"} | json event="event", reason="reason", attempt="attempt"' +
      ' | event="etl_failed" | tenant_id="acme" | reason="timeout" | attempt="3" [600001ms]))',
  )
})

it('says what Loki found in the time of the event', async () => {
  const { asked, fetchUrl } = answering({ data: { result: [{ value: [0, '3'] }] } })
  const result = await askServers(held, drill, { loki: 'http://loki:3100' }, fetchUrl)
  expect(asked[0]!.pathname).toBe('/loki/api/v1/query')
  expect(asked[0]!.searchParams.get('time')).toBe(`${startMs + 20 * minute}000000`)
  expect(result.logs).toEqual([
    { what: 'log data-pipeline etl_failed ERROR during outage (Loki)', ok: true, detail: '3 lines' },
  ])
  expect(result.exitCode).toBe(0)
})

it('fails the drill when Loki has fewer lines', async () => {
  const { fetchUrl } = answering({ data: { result: [] } })
  const result = await askServers(held, drill, { loki: 'http://loki:3100' }, fetchUrl)
  expect(result).toMatchObject({ verdict: 'expectation failed', exitCode: 1 })
  expect(result.logs[0]!.detail).toMatch(/^0 lines, expected at least 2: sum\(count_over_time/)
})

it('judges traces of Jaeger as it judges captured ones', async () => {
  const span = (processID: string, duration: number) => ({
    spanID: processID,
    operationName: 'x',
    processID,
    startTime: startMs * 1000,
    duration,
  })
  const processes = { p1: { serviceName: 'backend-api' }, p2: { serviceName: 'ml-engine' } }
  const data = [{ traceID: 'a', processes, spans: [span('p1', 500_000), span('p2', 400_000)] }]
  const good = answering({ data })
  const result = await askServers(held, drill, { jaeger: 'http://jaeger:16686/ui' }, good.fetchUrl)
  expect(good.asked[0]!.pathname).toBe('/ui/api/traces')
  expect(good.asked[0]!.searchParams.get('minDuration')).toBe('400ms')
  expect(result.traces).toEqual([
    { what: 'traces of backend-api through ml-engine slower than 400ms (Jaeger)', ok: true, detail: '1 trace' },
  ])
  const bad = answering({ data: [{ traceID: 'a', processes, spans: [span('p1', 500_000)] }] })
  const failed = await askServers(held, drill, { jaeger: 'http://jaeger:16686' }, bad.fetchUrl)
  expect(failed.traces[0]).toMatchObject({ ok: false, detail: expect.stringContaining('does not pass ml-engine') })
})

it.each([
  ['is not there', new TypeError('fetch failed'), /can't be reached/],
  ['refuses', new Response('no', { status: 400 }), /answers 400: no/],
  ['is something else', new Response('<html>'), /gives no JSON/],
])('a server that %s gives no verdict', async (_, answer, message) => {
  const { fetchUrl } = answering(answer)
  const result = await askServers(held, drill, { loki: 'http://loki:3100' }, fetchUrl)
  expect(result).toMatchObject({ verdict: 'judge did not answer', exitCode: 6 })
  expect(result.notes[0]).toMatch(message)
})

it('without an address nothing is asked and nothing is claimed', async () => {
  expect(await askServers(held, drill, {})).toEqual(held)
})
