/** Puts the models of the platform behind real ports, and lets faults act on them. */
import { createServer, type Server } from 'node:http'
import { Registry } from 'prom-client'
import { cadvisorMetrics } from '../../../services/infrastructure/cadvisor.ts'
import { Container, type ContainerFacts } from '../../../services/infrastructure/container.ts'
import { expose, type ProcessFacts } from '../../../services/infrastructure/exposition.ts'
import { nodeMetrics } from '../../../services/infrastructure/node-exporter.ts'
import {
  JaegerStatistics,
  jaegerMetrics,
  LokiStatistics,
} from '../../../services/infrastructure/observability-servers.ts'
import { postgresMetrics } from '../../../services/infrastructure/postgres-exporter.ts'
import { redisMetrics } from '../../../services/infrastructure/redis-exporter.ts'
import { exposeText } from '../../../services/runtime/live/exposition-text.ts'
import { LineServer } from '../../../services/runtime/live/line-protocol.ts'
import { createLiveClock, type LiveClock } from '../../../services/runtime/live/live-clock.ts'
import type { ContainerReport } from '../../../services/runtime/live/live-ports.ts'
import type { ContainerState } from '../../../services/runtime/live/process-state.ts'
import { listenAddressOf, modelListenAddressOf } from '../../../services/runtime/live/settings.ts'
import { DependencyError, type OutgoingBatch, type Query, type Rng } from '../../../services/runtime/ports.ts'
import { createRng, latencyAt } from '../../../services/runtime/rng.ts'
import { createTenants, type NamedTenant } from '../../workload/tenants.ts'
import { createChurn } from '../../world/cache-churn.ts'
import {
  containersOf,
  createPlatformModels,
  keepHouse,
  type PlatformModels,
  partitionOf,
  produceForOtherTopics,
} from '../../world/platform-models.ts'
import { warmCaches } from '../../world/warm-caches.ts'
import type { PlatformSettings } from '../platform-settings.ts'
import type { InfrastructureState } from './infrastructure-state.ts'
import { ReportedContainer } from './reported-container.ts'

const serverNames = ['postgres', 'redis', 'kafka'] as const
type ServerName = (typeof serverNames)[number]

/** A server that is killed for its memory comes back after this time, milliseconds of the platform. */
const restartAfterMs = 10_000
const memoryCheckEveryMs = 1_000

export class Infrastructure {
  readonly #settings: PlatformSettings
  readonly #onBug: (error: Error) => void
  readonly #clock: LiveClock
  readonly #rng: Rng
  readonly #startMs: number
  readonly #containers: ReadonlyMap<string, ContainerFacts>
  readonly #tenants: readonly NamedTenant[]
  readonly #models: PlatformModels
  readonly #lines = new Map<string, LineServer>()
  readonly #exporters = new Map<string, Exporter>()
  readonly #loki = new LokiStatistics()
  readonly #jaeger = new JaegerStatistics()
  readonly #churn: (keysPerSecond: number, bytesPerKey: number) => void
  #state: InfrastructureState = {
    down: [],
    links: {},
    containers: {},
    filled: {},
    flushes: 0,
    churn: { keysPerSecond: 0, bytesPerKey: 0 },
    poison: [],
  }
  /** Servers that were killed for their memory and wait for their restart. */
  readonly #killed = new Set<ServerName>()

  constructor(settings: PlatformSettings, onBug: (error: Error) => void) {
    this.#settings = settings
    this.#onBug = onBug
    this.#clock = createLiveClock(settings.epochMs, settings.speed)
    this.#rng = createRng(settings.seed)
    this.#startMs = this.#clock.nowMs()
    this.#containers = new Map(
      containersOf(settings.world).map((options) => [
        options.name,
        options.name in settings.services ? new ReportedContainer(options) : new Container(options, this.#clock),
      ]),
    )
    this.#tenants = createTenants(settings.world)
    this.#models = createPlatformModels(settings.world, this.#containers, this.#clock, this.#rng, this.#tenants)
    this.#churn = createChurn(this.#models.redis, (ms, action) => void this.#clock.after(ms, action))
  }

  async start(): Promise<void> {
    const { world, seed } = this.#settings
    const tenants = this.#tenants
    warmCaches(world, seed, this.#models.redis, tenants)
    this.#createServers()
    this.#createExporters()
    for (const server of [...this.#lines.values(), ...this.#exporters.values()]) await server.start()
    const sources = { clock: this.#clock, rng: this.#rng.fork('other-producers'), tenants }
    keepHouse(world, this.#models, this.#clock).catch(this.#onBug)
    // With a real broker the data pipeline reads from there: what others produce must arrive there, too.
    if (!this.#settings.kafkaBrokers) produceForOtherTopics(world, this.#models, sources).catch(this.#onBug)
    this.#guardMemory()
  }

  /** Brings everything into the given state. */
  apply(next: InfrastructureState): void {
    const before = this.#state
    this.#state = next
    for (const name of serverNames) this.#setRunning(name)
    for (const [name, exporter] of this.#exporters) {
      if (next.down.includes(name)) exporter.stop()
      else exporter.start().catch(this.#onBug)
    }
    for (const name of serverNames) {
      const idle: ContainerState = { leakBytesPerSecond: 0, stolenShare: 0 }
      const [was, is] = [before.containers[name] ?? idle, next.containers[name] ?? idle]
      if (was.leakBytesPerSecond !== is.leakBytesPerSecond) this.#model(name).container.leak(is.leakBytesPerSecond)
      if (was.stolenShare !== is.stolenShare) this.#model(name).container.stealCpu(is.stolenShare)
    }
    for (const mountpoint of new Set([...Object.keys(before.filled), ...Object.keys(next.filled)])) {
      if (before.filled[mountpoint] === next.filled[mountpoint]) continue
      this.#models.host.filesystemOf(mountpoint).fillUntilAvailable(next.filled[mountpoint])
    }
    if (next.flushes > before.flushes) this.#models.redis.flush()
    this.#churn(next.churn.keysPerSecond, next.churn.bytesPerKey)
    for (const { topic, partitions } of before.poison) this.#models.kafka.poison(topic, 0, partitions)
    for (const { topic, ratio, partitions } of next.poison) this.#models.kafka.poison(topic, ratio, partitions)
  }

  #model(name: ServerName) {
    return this.#models[name]
  }

  #setRunning(name: ServerName): void {
    const wanted = !this.#state.down.includes(name) && !this.#killed.has(name)
    const model = this.#model(name)
    if (wanted === model.running) return
    if (wanted) {
      model.start()
      this.#lines.get(name)?.start().catch(this.#onBug)
    } else {
      model.stop()
      this.#lines.get(name)?.stop()
    }
  }

  #guardMemory(): void {
    for (const name of serverNames) {
      const { container, running } = this.#model(name)
      if (!running || container.memoryBytes <= container.options.memoryLimitBytes) continue
      this.#killed.add(name)
      this.#setRunning(name)
      this.#clock.after(restartAfterMs, () => {
        this.#killed.delete(name)
        this.#setRunning(name)
      })
    }
    this.#clock.after(memoryCheckEveryMs, () => this.#guardMemory())
  }

  #createServers(): void {
    const { postgres, redis, kafka, host } = this.#models
    this.#line('postgres', {
      query: async (query: Query) => {
        const { epoch } = postgres
        await this.#clock.sleep(postgres.execute(query))
        if (epoch !== postgres.epoch) throw new DependencyError('postgres', 'reset', 'server closed the connection')
      },
      tenantBytes: () => postgres.tenantBytes,
    })
    const command = async () => {
      const { epoch } = redis
      await this.#clock.sleep(redis.commandMs())
      if (epoch !== redis.epoch) throw new DependencyError('redis', 'reset', 'connection to redis was closed')
    }
    this.#line('redis', {
      get: async ({ key }: { key: string }) => {
        await command()
        const value = redis.get(key)
        return value === undefined ? {} : { value }
      },
      set: async ({ key, value, bytes, ttlMs }: { key: string; value: unknown; bytes: number; ttlMs: number }) => {
        await command()
        redis.set(key, value, bytes, ttlMs)
      },
      usage: ({ prefixes }: { prefixes: string[] }) => prefixes.map((prefix) => redis.usage(prefix)),
    })
    const publishing = this.#rng.fork('bus')
    // A real broker has an address of its own, and nobody asks the model.
    if (!this.#settings.kafkaBrokers)
      this.#line('kafka', {
        publish: async (batch: OutgoingBatch) => {
          const { epoch } = kafka
          await this.#clock.sleep(latencyAt(kafka.options.publish, publishing.next()))
          if (epoch !== kafka.epoch) throw new DependencyError('kafka', 'reset', 'connection to the broker was closed')
          kafka.append(partitionOf(batch.key, kafka.partitionsOf(batch.topic)), batch, this.#clock.nowMs())
        },
        poll: async ({ topic, partition, maxMessages }: { topic: string; partition: number; maxMessages: number }) => {
          if (!kafka.hasMessages(topic, partition)) {
            await new Promise<void>((resolve) => kafka.onMessages(topic, partition, resolve))
            if (!kafka.running) throw new DependencyError('kafka', 'refused', 'connection refused by kafka')
          }
          return kafka.read(topic, partition, maxMessages)
        },
        commit: ({ topic, partition, offset }: { topic: string; partition: number; offset: number }) =>
          kafka.commit(topic, partition, offset),
        partitions: ({ topic }: { topic: string }) => kafka.states(topic),
      })
    const container = (service: string) => this.#containers.get(service)!
    this.#line('host', {
      write: ({ service, path, bytes }: { service: string; path: string; bytes: number }) =>
        host.write(container(service), path, bytes),
      read: ({ service, bytes }: { service: string; bytes: number }) => host.read(container(service), bytes),
      free: ({ bytes }: { bytes: number }) => host.filesystemOf('/data').free(bytes),
      report: (report: ContainerReport, connection: object) => this.#report(report, connection),
    })
  }

  /** Who reports over which connection: when it breaks, that process is gone. */
  readonly #reporters = new Map<object, string>()

  #report(report: ContainerReport, connection: object): void {
    const container = this.#containers.get(report.service)
    if (!(container instanceof ReportedContainer)) return
    this.#reporters.set(connection, report.service)
    const lines = container.gained(report, 'logLines')
    if (lines > 0) this.#loki.receive(container.gained(report, 'logBytes'), this.#clock.nowMs(), lines)
    this.#jaeger.spans += container.gained(report, 'spans')
    container.take(report)
  }

  // biome-ignore lint/suspicious/noExplicitAny: each operation has data of its own; both ends are ours
  #line(name: string, operations: Readonly<Record<string, (data: any, connection: object) => unknown>>): void {
    const { postgres, redis, kafka } = this.#models
    const refused = new WeakMap<object, DependencyError>()
    const opened = new WeakMap<object, number>()
    const server = new LineServer(modelListenAddressOf(this.#settings, name), {
      handle: (operation, data, connection) => {
        const error = refused.get(connection)
        if (error) throw error
        const run = operations[operation]
        if (!run) throw new SyntaxError(`${name} knows no "${operation}"`)
        return run(data, connection)
      },
      onConnect: (connection) => {
        if (name === 'redis') redis.connectedClients += 1
        if (name !== 'postgres') return
        opened.set(connection, postgres.epoch)
        try {
          postgres.connect()
        } catch (error) {
          refused.set(connection, error as DependencyError)
        }
      },
      onClose: (connection) => {
        if (name === 'redis') redis.connectedClients -= 1
        if (name === 'postgres' && !refused.has(connection)) postgres.disconnect(opened.get(connection)!)
        const service = this.#reporters.get(connection)
        if (service === undefined) return
        this.#reporters.delete(connection)
        const container = this.#containers.get(service)
        if (container instanceof ReportedContainer) container.processEnded()
        // Its consumers are gone: whoever comes next reads from the committed offsets.
        if (service === 'data-pipeline') kafka.rewind()
      },
      onBug: this.#onBug,
    })
    this.#lines.set(name, server)
  }

  #createExporters(): void {
    const { world, standIns } = this.#settings
    const { host, postgres, redis } = this.#models
    const reaches = (exporter: string, server: ServerName) =>
      this.#model(server).running && this.#state.links[`${exporter}>${server}`]?.partitioned !== true
    const facts = (name: string, startedAtMs: number): ProcessFacts => {
      const container = this.#containers.get(name)!
      return { startTimeS: startedAtMs / 1000, cpuSeconds: container.cpuSeconds, residentBytes: container.memoryBytes }
    }
    this.#exporter('postgres-exporter', (registry) =>
      expose(registry, postgresMetrics(postgres, reaches('postgres-exporter', 'postgres'))),
    )
    this.#exporter('redis-exporter', (registry) =>
      expose(registry, redisMetrics(redis, reaches('redis-exporter', 'redis'))),
    )
    this.#exporter('node-exporter', (registry) => {
      const uptimeS = (this.#clock.nowMs() - this.#startMs) / 1000
      const bootTimeS = this.#startMs / 1000
      const { disk, networkDevice } = world.host
      expose(registry, nodeMetrics({ host, uptimeS, bootTimeS, disk, networkDevice }))
    })
    this.#exporter('cadvisor', (registry) => expose(registry, cadvisorMetrics({ host, eachCore: world.host.eachCore })))
    if (standIns.includes('loki')) {
      this.#exporter('loki', (registry, startedAtMs) => this.#loki.expose(registry, facts('loki', startedAtMs)))
    }
    if (standIns.includes('jaeger')) {
      this.#exporter('jaeger', (registry, startedAtMs) =>
        expose(registry, jaegerMetrics(this.#jaeger, facts('jaeger', startedAtMs))),
      )
    }
  }

  #exporter(name: string, refresh: (registry: Registry, startedAtMs: number) => void): void {
    // What the link adds to each visit of the exporter to its server is part of the scrape.
    const server = serverNames.find((candidate) => name === `${candidate}-exporter`)
    const delayMs = () => (server && this.#state.links[`${name}>${server}`]?.addedMs) ?? 0
    const exporter = new Exporter(listenAddressOf(this.#settings, name), () => this.#clock.nowMs(), {
      refresh,
      wait: async () => {
        if (delayMs() > 0) await this.#clock.sleep(delayMs())
      },
    })
    this.#exporters.set(name, exporter)
  }
}

class Exporter {
  readonly #address: { host: string; port: number }
  readonly #nowMs: () => number
  readonly #program: { refresh(registry: Registry, startedAtMs: number): void; wait(): Promise<void> }
  #server: Server | undefined

  constructor(
    address: { host: string; port: number },
    nowMs: () => number,
    program: { refresh(registry: Registry, startedAtMs: number): void; wait(): Promise<void> },
  ) {
    this.#address = address
    this.#nowMs = nowMs
    this.#program = program
  }

  start(): Promise<void> {
    if (this.#server) return Promise.resolve()
    const registry = new Registry()
    const startedAtMs = this.#nowMs()
    const server = createServer(async (request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('only /metrics is here\n')
        return
      }
      await this.#program.wait()
      this.#program.refresh(registry, startedAtMs)
      const { contentType, text } = await exposeText(registry, request.headers.accept)
      response.writeHead(200, { 'content-type': contentType }).end(text)
    })
    this.#server = server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#address.port, this.#address.host, resolve)
    })
  }

  stop(): void {
    this.#server?.close()
    this.#server?.closeAllConnections()
    this.#server = undefined
  }
}
