/** Suite 7: one request is found in metrics, logs and traces by one id, and an outage becomes an alert. */
import { askValue, eventually } from './ask.ts'
import { type Check, holds, notJudged, type Stack } from './check.ts'
import { askLoki, missing } from './log-suite.ts'
import { sendRequest } from './request.ts'
import { traceOf } from './trace-suite.ts'

/** One scrape later, at most. */
const countedMs = 45_000
const loggedMs = 60_000
/** A scrape of the exporter and an evaluation of the group, with room. */
const pendingMs = 120_000

export async function verifyEndToEnd(stack: Stack, tenantId: string): Promise<Check[]> {
  const { prometheus, backendApi, loki, jaeger } = stack
  const counter = `sum(api_requests_total{tenant_id="${tenantId}", endpoint="/recommendations"})`
  const before = (await askValue(prometheus, counter)) ?? 0
  const sent = await sendRequest(backendApi, { tenantId, userId: `end-to-end-${Date.now()}`, sampled: true })
  const counted = await eventually(
    async () => {
      const now = (await askValue(prometheus, counter)) ?? 0
      return now > before ? now : undefined
    },
    { withinMs: countedMs },
  )
  return [
    holds(sent.status === 200, 'a request is answered', `status ${sent.status}`),
    holds(
      counted !== undefined,
      'it is counted',
      counted === undefined ? 'the counter stands still' : `${before} -> ${counted}`,
    ),
    loki === undefined ? notJudged('it is logged', `Loki ${missing}`) : await isLogged(loki, sent.traceId),
    jaeger === undefined ? notJudged('it is traced', `Jaeger ${missing}`) : await isTraced(jaeger, sent.traceId),
    await becomesAlert(stack),
  ]
}

async function isLogged(loki: string, traceId: string): Promise<Check> {
  const lines = await eventually(
    async () => {
      const { data } = (await askLoki(loki, `{service=~".+"} | trace_id="${traceId}"`)).answer
      const services = new Set(data.result.map(({ stream }) => stream.service))
      return services.has('backend-api') && services.has('ml-engine')
        ? data.result.flatMap(({ values }) => values).length
        : undefined
    },
    { withinMs: loggedMs },
  )
  return holds(
    lines !== undefined,
    'it is logged',
    lines === undefined ? 'not by its trace id' : `${lines} lines of both services`,
  )
}

async function isTraced(jaeger: string, traceId: string): Promise<Check> {
  const trace = await traceOf(jaeger, traceId, ['backend-api', 'ml-engine'])
  return holds(
    trace !== undefined,
    'it is traced',
    trace === undefined ? 'not by the same id' : `${trace.spans.length} spans, the same id`,
  )
}

async function becomesAlert({ prometheus, outage }: Stack): Promise<Check> {
  const what = 'an outage of the cache becomes an alert'
  if (!outage) return notJudged(what, 'faults are injected into a stack that verify started', true)
  const startedMs = performance.now()
  outage.begin()
  try {
    const seen = await eventually(
      async () => ((await askValue(prometheus, 'sum(ALERTS{alertname="RedisDown"})')) ?? 0) > 0 || undefined,
      { withinMs: pendingMs },
    )
    const afterS = Math.round((performance.now() - startedMs) / 1000)
    return holds(seen === true, what, seen ? `RedisDown pending after ${afterS} s` : `none within ${afterS} s`)
  } finally {
    outage.end()
  }
}
