/** Suite 4: traces cross the services and reach Jaeger, and tracing costs a request next to nothing. */
import { serviceNames } from '../../faults/fault-targets.ts'
import { askJson, eventually } from './ask.ts'
import { below, type Check, holds, notJudged, type Stack } from './check.ts'
import { missing } from './log-suite.ts'
import { sendRequest } from './request.ts'

const overheadMsMax = 10
/** Requests of each kind; taken in turns, so that both meet the same load. */
const pairs = 60
/** Each service sends its spans once in a while; on a busy machine that takes its time. */
const arriveMs = 120_000

export interface JaegerTrace {
  readonly spans: readonly { readonly operationName: string; readonly processID: string }[]
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>
}

export async function verifyTraces({ jaeger, backendApi }: Stack, tenantId: string): Promise<Check[]> {
  const overhead = await measureOverhead(backendApi, tenantId)
  if (jaeger === undefined) return [notJudged('Jaeger', missing), overhead]
  const services = await eventually(
    async () => {
      // What the data pipeline consumes is traced when the request was that produced it.
      await sendRequest(backendApi, { tenantId, userId: 'verify', sampled: true, clicks: 1 })
      const { data } = (await askJson<{ data: readonly string[] | null }>(`${jaeger}/api/services`)).answer
      return data && serviceNames.every((name) => data.includes(name)) ? data : undefined
    },
    { withinMs: arriveMs, everyMs: 2_000 },
  )
  // A user of whom the cache knows nothing: the request goes on to the ML engine.
  const sent = await sendRequest(backendApi, { tenantId, userId: `verify-${Date.now()}`, sampled: true })
  const trace = await traceOf(jaeger, sent.traceId, ['backend-api', 'ml-engine'])
  return [
    holds(services !== undefined, 'services with traces', services ? serviceNames.join(', ') : 'not all of them'),
    holds(
      trace !== undefined,
      'a request is one trace through both services',
      trace ? `${trace.spans.length} spans` : `trace ${sent.traceId} did not arrive within ${arriveMs / 1000} s`,
    ),
    overhead,
  ]
}

/** @returns the trace once these services have spans in it */
export function traceOf(
  jaeger: string,
  traceId: string,
  services: readonly string[],
): Promise<JaegerTrace | undefined> {
  return eventually(
    async () => {
      const { data } = (await askJson<{ data?: readonly JaegerTrace[] }>(`${jaeger}/api/traces/${traceId}`)).answer
      const trace = data?.[0]
      const present = new Set(trace?.spans.map(({ processID }) => trace.processes[processID]!.serviceName))
      return services.every((service) => present.has(service)) ? trace : undefined
    },
    { withinMs: arriveMs },
  )
}

/** The same request with and without spans: what differs between the medians is what tracing costs. */
async function measureOverhead(backendApi: string, tenantId: string): Promise<Check> {
  const times: { traced: number[]; plain: number[] } = { traced: [], plain: [] }
  for (let i = 0; i < pairs; i += 1) {
    for (const kind of ['plain', 'traced'] as const) {
      const { ms } = await sendRequest(backendApi, { tenantId, userId: 'verify', sampled: kind === 'traced' })
      times[kind].push(ms)
    }
  }
  const ms = Math.max(0, median(times.traced) - median(times.plain))
  return below('tracing overhead of a request', ms, overheadMsMax, `medians of ${pairs} requests each`)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
