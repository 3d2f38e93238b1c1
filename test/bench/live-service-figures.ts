/** What telemetry costs a live service: requests a second against a bare server, the answer of /metrics, and tracing. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTenants } from '../../simulator/workload/tenants.ts'
import { shippedDrillOf } from './bench-drills.ts'
import type { Figure } from './figure.ts'
import { answerAll, type MeasuredServer, startServer } from './live/load.ts'
import type { ServerPlan } from './live/server-process.ts'

const profile = (name: string) => `node --cpu-prof --cpu-prof-dir=out dist/test/bench/main.js --only ${name}`
const connections = 32
/** The first ones compile the code. */
const warmUp = 5_000

export const liveServiceFigure: Figure = {
  name: 'live-service',
  title: 'a live service against a bare Fastify server with the same routes and no telemetry',
  async measure() {
    const count = 15_000
    // In turn, and the best of each: what else runs on the machine takes from all of them.
    const rounds = { bare: [] as Cost[], service: [] as Cost[], silent: [] as Cost[] }
    for (let round = 0; round < 3; round += 1) {
      rounds.bare.push(await cost({ kind: 'bare' }, count))
      rounds.service.push(await cost({ kind: 'service' }, count))
      rounds.silent.push(await cost({ kind: 'service', sampling: 0 }, count))
    }
    const [bare, service, silent] = [best(rounds.bare), best(rounds.service), best(rounds.silent)]
    return {
      value: (bare.perRequestS / service.perRequestS) * 100,
      unit: `% of its requests/s; ${Math.round(1 / service.perRequestS)} a second of processor time`,
      target: { least: 40 },
      comparisons: [
        { to: 'the bare server, in requests per second of wall time', ratio: service.perSecond / bare.perSecond },
        { to: 'the same service that traces and logs no request', ratio: silent.perRequestS / service.perRequestS },
      ],
      profile: profile('live-service'),
    }
  },
}

export const metricsEndpointFigure: Figure = {
  name: 'metrics',
  title: '/metrics of a live service with 5,000 series, as OpenMetrics',
  async measure() {
    const server = await startServer({ kind: 'service', series: 5_000 })
    const ask = async (port: number, accept: string) => {
      const scrape = async () => {
        const startedMs = performance.now()
        await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })).text()
        return performance.now() - startedMs
      }
      for (let i = 0; i < 30; i += 1) await scrape()
      const before = await server.processorSeconds()
      const times: number[] = []
      for (let i = 0; i < 100; i += 1) times.push(await scrape())
      const processorMs = ((await server.processorSeconds()) - before) * 10
      return { processorMs, medianMs: times.sort((a, b) => a - b)[50]! }
    }
    const openMetrics = await ask(server.port, 'application/openmetrics-text; version=1.0.0')
    const plain = await ask(server.port, 'text/plain')
    const client = await ask(server.clientPort, '')
    await server.close()
    const { processorMs } = openMetrics
    return {
      value: processorMs,
      unit: `ms of processor time; by the clock ${openMetrics.medianMs.toFixed(1)} ms, the median`,
      target: { most: 20 },
      comparisons: [
        { to: 'plain text', ratio: processorMs / plain.processorMs },
        { to: "the same registry by prom-client's own text", ratio: processorMs / client.processorMs },
      ],
      profile: profile('metrics'),
    }
  },
}

export const tracingFigure: Figure = {
  name: 'tracing',
  title: 'what a traced and logged request costs more than one that is not, export by OTLP included',
  async measure() {
    // No more spans than fit into the buffer: what is dropped would cost nothing.
    const count = 4_000
    const receiver = createServer((request, response) => request.resume().on('end', () => response.end()))
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    const tracesUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
    const untraced = await cost({ kind: 'service', sampling: 0, tracesUrl }, count)
    const traced = await cost({ kind: 'service', sampling: 1, tracesUrl }, count, 500)
    receiver.close()
    receiver.closeAllConnections()
    if (traced.spansDropped > 0) throw new Error(`${traced.spansDropped} spans were dropped`)
    const perSpanS = (traced.perRequestS - untraced.perRequestS) / (traced.spans / (count + 500))
    return {
      value: (traced.perRequestS - untraced.perRequestS) * 1000,
      unit: 'ms of processor time per request',
      target: { most: 1 },
      comparisons: [
        { to: 'the same request without tracing, in time', ratio: traced.perRequestS / untraced.perRequestS },
        { to: 'a span that costs 10 us', ratio: (perSpanS * 1e6) / 10 },
      ],
      profile: profile('tracing'),
    }
  },
}

interface Cost {
  /** Processor time of the server. */
  readonly perRequestS: number
  /** Of the clock: this process and others take part of the machine. */
  readonly perSecond: number
  readonly spans: number
  readonly spansDropped: number
}

function best(costs: readonly Cost[]): Pick<Cost, 'perRequestS' | 'perSecond'> {
  return {
    perRequestS: Math.min(...costs.map(({ perRequestS }) => perRequestS)),
    perSecond: Math.max(...costs.map(({ perSecond }) => perSecond)),
  }
}

async function cost(plan: ServerPlan, count: number, warmUpCount = warmUp): Promise<Cost> {
  const server: MeasuredServer = await startServer(plan)
  const load = { port: server.port, requests: userRequests(), connections }
  await answerAll({ ...load, count: warmUpCount })
  const before = await server.processorSeconds()
  const seconds = await answerAll({ ...load, count })
  const after = await server.processorSeconds()
  const { processorSeconds, spans, spansDropped } = await server.close()
  // What was buffered is part of the cost; the warm-up's share of it is not told apart, and small.
  const used = (plan.tracesUrl === undefined ? after : processorSeconds) - before
  return { perRequestS: used / count, perSecond: count / seconds, spans, spansDropped }
}

/** What users of the shipped scenarios mostly ask for. */
function userRequests(): string[] {
  const [tenant] = createTenants(shippedDrillOf('steady-state').world)
  const head = (method: string, path: string, user: number, more = '') =>
    `${method} ${path} HTTP/1.1\r\nhost: backend-api\r\nauthorization: Bearer ${tenant!.id}/u${user}\r\n${more}\r\n`
  const body = JSON.stringify({ events: 3, clicks: 1 })
  const json = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`
  return Array.from({ length: 50 }, (_, user) => [
    head('GET', '/recommendations', user),
    head('GET', `/items/i${user}`, user),
    head('GET', '/usage', user),
    `${head('POST', '/interactions', user, json)}${body}`,
  ]).flat()
}
