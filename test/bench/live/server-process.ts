/**
 * A server that is measured from outside, as a process of its own: the backend API with all its telemetry as the live world
 * runs it, or a bare Fastify with the same routes and answers. What it depends on answers at once, and modelled work
 * takes no time, so that what is left is the service itself.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { Gauge, Registry } from 'prom-client'
import { backendApi } from '../../../services/backend-api/service.ts'
import { Container } from '../../../services/infrastructure/container.ts'
import type { ServiceInstance } from '../../../services/runtime/define-service.ts'
import { FaultTable } from '../../../services/runtime/fault-table.ts'
import { createFastifyServer } from '../../../services/runtime/live/fastify-server.ts'
import { createLineWriter } from '../../../services/runtime/live/line-writer.ts'
import { createLiveClock } from '../../../services/runtime/live/live-clock.ts'
import { createSinks, type Sinks } from '../../../services/runtime/live/telemetry-sinks.ts'
import type { Ports, ServiceRequest } from '../../../services/runtime/ports.ts'
import { createRng } from '../../../services/runtime/rng.ts'
import { createLogger } from '../../../services/runtime/telemetry/logging.ts'
import { createTracer } from '../../../services/runtime/telemetry/tracing.ts'
import { createTenants } from '../../../simulator/workload/tenants.ts'
import { containersOf, serviceConfigs } from '../../../simulator/world/platform-models.ts'
import { shippedDrillOf } from '../bench-drills.ts'

export interface ServerPlan {
  readonly kind: 'service' | 'bare'
  /** Share of requests that are traced and access-logged; that of the shipped world when left out. */
  readonly sampling?: number
  /** OTLP/HTTP address for spans; without it they go nowhere. */
  readonly tracesUrl?: string
  /** /metrics shows at least so many series. */
  readonly series?: number
}

export type ServerMessage =
  | { readonly ready: { readonly port: number; readonly clientPort: number } }
  | { readonly usage: { readonly processorSeconds: number } }
  | { readonly closed: { readonly spans: number; readonly spansDropped: number; readonly processorSeconds: number } }

const plan = JSON.parse(process.argv[2]!) as ServerPlan
const { world } = shippedDrillOf('steady-state')
// Nobody is limited here: what is measured is how fast requests are answered, not how they are refused.
const tenants = createTenants(world).map((tenant) => ({ ...tenant, requestsPerSecond: 1e9, burst: 1e9 }))
const registry = new Registry()
const sinks = await createSinks(
  'backend-api',
  {
    environment: 'bench',
    lokiUrl: undefined,
    tracesUrl: plan.tracesUrl,
    tracesExporter: 'otlp',
    spansFolder: undefined,
  },
  createLineWriter(1),
)
const container = new Container(
  containersOf(world).find(({ name }) => name === 'backend-api')!,
  createLiveClock(Date.now(), 1),
)
const instance = createInstance(sinks)
const app =
  plan.kind === 'service'
    ? createFastifyServer({ instance, registry, container, beforeScrape: () => instance.beforeScrape?.() })
    : await createBareServer(instance)
if (plan.series !== undefined) addSeries(plan.series)
await app.listen({ host: '127.0.0.1', port: 0 })
const client = createServer(async (_request, response) => response.end(await registry.metrics()))
await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve))
say({
  ready: { port: (app.server.address() as AddressInfo).port, clientPort: (client.address() as AddressInfo).port },
})
process.on('message', async (asked) => {
  if (asked === 'usage') return say({ usage: { processorSeconds: processorSeconds() } })
  await sinks.close(10_000)
  const { lost } = sinks.facts().find(({ signal }) => signal === 'spans')!
  const spansDropped = Object.values(lost).reduce((sum, count) => sum + count, 0)
  say({ closed: { spans: sinks.spans, spansDropped, processorSeconds: processorSeconds() } })
  process.exit(0)
})
process.on('disconnect', () => process.exit(0))

function say(message: ServerMessage): void {
  process.send!(message)
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function createInstance({ log, span }: Sinks): ServiceInstance {
  const clock = createLiveClock(Date.now(), 1)
  const rng = createRng(1)
  const kept = new Map<string, unknown>()
  const ports: Ports = {
    clock,
    rng,
    cpu: { work: async () => {}, account() {} },
    memory: container,
    http: { request: async () => ({ status: 200, body: { items: 20, algorithm: 'collaborative' }, bodyBytes: 400 }) },
    bus: {
      publish: async () => {},
      poll: () => new Promise(() => {}),
      commit: async () => {},
      partitions: async () => [],
    },
    database: { poolName: 'main', poolSize: 1, query: async () => {}, tenantBytes: async () => ({}) },
    cache: {
      get: async (key) => kept.get(key),
      set: async (key, value) => void kept.set(key, value),
      usage: () => ({ bytes: 0, evictions: { maxmemory: 0, expired: 0, flushed: 0 } }),
    },
    disk: { write: async () => {}, read: async () => {}, free() {} },
    faults: new FaultTable(rng.fork('faults')).pointsOf('backend-api'),
    logger: createLogger({ service: 'backend-api', clock, write: log }),
    tracer: createTracer({ service: 'backend-api', clock, rng: rng.fork('spans'), onEnd: span }),
    registry,
  }
  const config = serviceConfigs(world, tenants)['backend-api']
  return backendApi.create(ports, {
    ...config,
    tenants,
    ...(plan.sampling !== undefined && { sampling: plan.sampling }),
  })
}

/** The same routes; each gives the answer that the service gave once. */
async function createBareServer({ routes, server }: ServiceInstance): Promise<FastifyInstance> {
  const bare = Fastify({ logger: false })
  for (const { route } of routes) {
    const space = route.indexOf(' ')
    const headers = { authorization: `Bearer ${tenants[0]!.id}/u1` }
    const body = { events: 3, clicks: 1 }
    const request: ServiceRequest = { route, params: { id: 'i1' }, headers, body, bodyBytes: 30 }
    const answer = await server.handle(request)
    bare.route({
      method: route.slice(0, space),
      url: route.slice(space + 1).replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: async (_request, reply) => reply.code(answer.status).send(answer.body),
    })
  }
  return bare
}

/** One gauge with as many series as are missing. */
function addSeries(count: number): void {
  const filler = new Gauge({
    name: 'bench_filler',
    help: 'Series for the benchmark',
    labelNames: ['tenant_id', 'endpoint', 'status'],
    registers: [registry],
  })
  for (let i = 0; i < count; i += 1) {
    filler.set({ tenant_id: `tenant-${i % 500}`, endpoint: `/items/${Math.floor(i / 500)}`, status: '200' }, i * 1.5)
  }
}
