/**
 * The virtual world: the whole platform inside one kernel. It hosts the services, their servers and exporters, plays
 * the load, lets faults act on causes, and answers the scraper.
 */
import { backendApi } from '../../services/backend-api/service.ts'
import { dataPipeline } from '../../services/data-pipeline/service.ts'
import { cadvisorMetrics } from '../../services/infrastructure/cadvisor.ts'
import { Container } from '../../services/infrastructure/container.ts'
import { expose, type ProcessFacts } from '../../services/infrastructure/exposition.ts'
import type { Host } from '../../services/infrastructure/host.ts'
import type { KafkaBroker } from '../../services/infrastructure/kafka-broker.ts'
import { nodeMetrics } from '../../services/infrastructure/node-exporter.ts'
import {
  JaegerStatistics,
  jaegerMetrics,
  LokiStatistics,
  prometheusMetrics,
} from '../../services/infrastructure/observability-servers.ts'
import { postgresMetrics } from '../../services/infrastructure/postgres-exporter.ts'
import type { PostgresServer } from '../../services/infrastructure/postgres-server.ts'
import { redisMetrics } from '../../services/infrastructure/redis-exporter.ts'
import type { RedisServer } from '../../services/infrastructure/redis-server.ts'
import { mlEngine } from '../../services/ml-engine/service.ts'
import type { ServiceDefinition } from '../../services/runtime/define-service.ts'
import { FaultTable } from '../../services/runtime/fault-table.ts'
import type { Clock, Rng } from '../../services/runtime/ports.ts'
import { createRng } from '../../services/runtime/rng.ts'
import { createLogger } from '../../services/runtime/telemetry/logging.ts'
import { registerProcessMetrics } from '../../services/runtime/telemetry/process-metrics.ts'
import { createTracer, type ReadableSpan } from '../../services/runtime/telemetry/tracing.ts'
import { Kernel } from '../kernel/kernel.ts'
import { VirtualNetwork } from '../kernel/virtual-network.ts'
import type { LoadStage } from '../scenario/scenario.ts'
import { createTenants, type NamedTenant } from '../workload/tenants.ts'
import { Workload } from '../workload/workload.ts'
import {
  containersOf,
  createPlatformModels,
  keepHouse,
  produceForOtherTopics,
  serviceConfigs,
} from './platform-models.ts'
import {
  createBus,
  createCacheConnection,
  createCpu,
  createDatabasePool,
  createDisk,
  createHttpClient,
  type Surroundings,
} from './virtual-ports.ts'
import { type Life, type Program, VirtualProcess } from './virtual-process.ts'
import { warmCaches } from './warm-caches.ts'
import type { World } from './world-schema.ts'

export interface VirtualWorldOptions {
  readonly world: World
  readonly seed: number
  /** Unix time of the start of the drill, milliseconds. */
  readonly startMs: number
  readonly load: readonly LoadStage[]
  /** Takes every log line of the platform. */
  readonly onLogLine: (service: string, line: string) => void
  /** Takes every span that ended. */
  readonly onSpan: (span: ReadableSpan) => void
  /** What the Prometheus that scrapes this world knows of itself. */
  readonly prometheus: { readonly version: string; headSeries(): number; samplesAppended(): number }
}

/** A container that is killed for its memory comes back after this time, as a restart policy does. */
const restartAfterMs = 10_000
/** How often memory is compared with its limit. */
const memoryCheckEveryMs = 1_000
/** A call that got lost, where the caller has no time-out of its own. */
const lostAfterMs = 3_000

const loopback = /^(?:localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal):(\d+)$/

export class VirtualWorld {
  readonly options: VirtualWorldOptions
  readonly kernel = new Kernel()
  readonly clock: Clock
  readonly network: VirtualNetwork
  readonly host: Host
  readonly containers: ReadonlyMap<string, Container>
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  readonly kafka: KafkaBroker
  readonly tenants: readonly NamedTenant[]
  readonly workload: Workload
  readonly faultTable: FaultTable
  readonly processes: ReadonlyMap<string, VirtualProcess>
  readonly #byAddress = new Map<string, VirtualProcess>()
  readonly #rng: Rng
  #loki: LokiStatistics | undefined
  #jaeger: JaegerStatistics | undefined

  constructor(options: VirtualWorldOptions) {
    this.options = options
    const { world, startMs } = options
    const { kernel } = this
    this.#rng = createRng(options.seed)
    this.clock = { nowMs: () => startMs + kernel.nowMs, sleep: (ms) => kernel.sleep(ms) }
    this.network = new VirtualNetwork(world.network.latency, this.#rng)
    this.faultTable = new FaultTable(this.#rng.fork('faults'))
    this.containers = new Map(
      containersOf(world).map((container) => [container.name, new Container(container, this.clock)]),
    )
    this.tenants = createTenants(world)
    const models = createPlatformModels(world, this.containers, this.clock, this.#rng, this.tenants)
    this.host = models.host
    this.postgres = models.postgres
    this.redis = models.redis
    this.kafka = models.kafka
    this.processes = new Map([...this.#services(), ...this.#exporters()].map((process) => [process.name, process]))
    for (const process of this.processes.values()) {
      for (const address of process.options.addresses) this.#byAddress.set(address, process)
    }
    this.workload = new Workload({
      kernel,
      rng: this.#rng,
      world,
      tenants: this.tenants,
      stages: options.load,
      startMs,
      send: (request, done) => this.process('backend-api').receive(request, done, () => done(undefined)),
    })
  }

  /** A random stream of the run, for one purpose. */
  fork(label: string): Rng {
    return this.#rng.fork(label)
  }

  /** Starts everything; afterwards `kernel.runUntil` moves time. */
  start(): void {
    warmCaches(this.options.world, this.options.seed, this.redis, this.tenants)
    for (const process of this.processes.values()) process.start()
    this.workload.start()
    for (const name of serviceNames) this.kernel.spawn(this.#checkHealth(this.process(name)))
    this.kernel.spawn(this.#guardMemory())
    const { world } = this.options
    const sources = { clock: this.clock, rng: this.#rng.fork('other-producers'), tenants: this.tenants }
    this.kernel.spawn(produceForOtherTopics(world, this, sources))
    this.kernel.spawn(keepHouse(world, this, this.clock))
  }

  process(name: string): VirtualProcess {
    const process = this.processes.get(name)
    if (!process) throw new Error(`no process is called "${name}"`)
    return process
  }

  /** On one machine every service has the same host: there `localhost:8000` means whoever listens on port 8000. */
  processAt(address: string): VirtualProcess | undefined {
    const exact = this.#byAddress.get(address)
    const port = loopback.exec(address)?.[1]
    if (exact || port === undefined) return exact
    const listening = new Set(
      [...this.#byAddress].filter(([known]) => known.endsWith(`:${port}`)).map(([, process]) => process),
    )
    return listening.size === 1 ? [...listening][0] : undefined
  }

  /** Every address at which something listens. */
  addresses(): string[] {
    return [...this.#byAddress.keys()]
  }

  container(name: string): Container {
    const container = this.containers.get(name)
    if (!container) throw new Error(`no container is called "${name}"`)
    return container
  }

  server(name: 'postgres' | 'redis' | 'kafka'): PostgresServer | RedisServer | KafkaBroker {
    return name === 'postgres' ? this.postgres : name === 'redis' ? this.redis : this.kafka
  }

  /** Brings to date what a scrape reads: memory held by requests in progress. */
  refreshMemory(): void {
    for (const name of serviceNames) {
      const process = this.process(name)
      const perRequest = this.#containerSettings(name).memoryPerRequest
      this.container(name).hold('requests', (process.program?.server?.inProgress ?? 0) * perRequest)
    }
  }

  #containerSettings(name: ServiceName): World['backendApi']['container'] {
    const { world } = this.options
    return { 'backend-api': world.backendApi, 'ml-engine': world.mlEngine, 'data-pipeline': world.dataPipeline }[name]
      .container
  }

  #surroundings(): Surroundings {
    const { kernel, network, host, postgres, redis, kafka } = this
    return {
      kernel,
      network,
      host,
      postgres,
      redis,
      kafka,
      refusedAfterMs: this.options.world.network.refusedAfter,
      lostAfterMs,
      process: (name) => this.processes.get(name),
    }
  }

  #services(): VirtualProcess[] {
    const configs = serviceConfigs(this.options.world, this.tenants)
    return [
      this.#service(backendApi, configs['backend-api']),
      this.#service(mlEngine, configs['ml-engine']),
      this.#service(dataPipeline, configs['data-pipeline']),
    ]
  }

  #service<Config>(definition: ServiceDefinition<Config>, config: Config): VirtualProcess {
    const { name, port } = definition
    const { world, startMs, onLogLine, onSpan } = this.options
    const container = this.container(name)
    let lives = 0
    return new VirtualProcess(
      {
        name,
        container,
        startMs,
        addresses: [`${name}:${port}`],
        create: (life): Program => {
          // Each life draws from streams of its own, or a restarted process would repeat its first hour.
          const rng = this.#rng.fork(`service/${name}/${lives++}`)
          const caller = { name, container, life }
          const around = this.#surroundings()
          const database = createDatabasePool(caller, around, {
            size: world.backendApi.databasePool,
            waitMs: world.backendApi.databaseTimeout,
          })
          const cache = createCacheConnection(caller, around)
          const instance = definition.create(
            {
              clock: life.clock,
              rng,
              cpu: createCpu(caller),
              memory: container,
              http: createHttpClient(caller, around),
              bus: createBus(caller, around, { publish: world.kafka.publish, rng: rng.fork('bus') }),
              database,
              cache,
              disk: createDisk(caller, this.host),
              faults: this.faultTable.pointsOf(name),
              logger: createLogger({
                service: name,
                clock: life.clock,
                write: (line) => {
                  this.#loki?.receive(line.length, this.clock.nowMs())
                  onLogLine(name, line)
                },
              }),
              tracer: createTracer({
                service: name,
                clock: life.clock,
                rng: rng.fork('spans'),
                onEnd: (span) => {
                  if (this.#jaeger) this.#jaeger.spans += 1
                  onSpan(span)
                },
              }),
              registry: life.registry,
            },
            config,
          )
          const cpuBefore = container.cpuSeconds
          const exposeProcess = registerProcessMetrics(life.registry, () => ({
            startTimeS: life.startedAtMs / 1000,
            cpuSeconds: container.cpuSeconds - cpuBefore,
            residentBytes: container.memoryBytes,
          }))
          if (name === 'data-pipeline') this.kafka.rewind()
          return {
            server: instance.server,
            loops: instance.loops,
            beforeScrape() {
              instance.beforeScrape?.()
              exposeProcess()
            },
            onEnd() {
              database.closeAll()
              cache.close()
            },
          }
        },
      },
      this.kernel,
    )
  }

  #exporters(): VirtualProcess[] {
    const { world, prometheus } = this.options
    const { host, network, postgres, redis } = this
    const isReachable = (exporter: string, server: string, running: boolean) =>
      running && network.roundTripMs(exporter, server) !== undefined
    return [
      this.#exporter(
        'postgres-exporter',
        ['postgres-exporter:9187'],
        undefined,
        (life) => () =>
          expose(
            life.registry,
            postgresMetrics(postgres, isReachable('postgres-exporter', 'postgres', postgres.running)),
          ),
      ),
      this.#exporter(
        'redis-exporter',
        ['redis-exporter:9121'],
        undefined,
        (life) => () =>
          expose(life.registry, redisMetrics(redis, isReachable('redis-exporter', 'redis', redis.running))),
      ),
      this.#exporter('node-exporter', ['node-exporter:9100'], undefined, (life) => () => {
        this.refreshMemory()
        const uptimeS = this.kernel.nowMs / 1000
        const bootTimeS = this.options.startMs / 1000
        expose(
          life.registry,
          nodeMetrics({ host, uptimeS, bootTimeS, disk: world.host.disk, networkDevice: world.host.networkDevice }),
        )
      }),
      this.#exporter('cadvisor', ['cadvisor:8080'], undefined, (life) => () => {
        this.refreshMemory()
        expose(life.registry, cadvisorMetrics({ host, eachCore: world.host.eachCore }))
      }),
      this.#exporter(
        'loki',
        ['loki:3100'],
        this.container('loki'),
        (life, facts) => {
          const statistics = new LokiStatistics()
          this.#loki = statistics
          return () => statistics.expose(life.registry, facts())
        },
        () => {
          this.#loki = undefined
        },
      ),
      this.#exporter(
        'jaeger',
        ['jaeger:8888', 'jaeger:14269'],
        this.container('jaeger'),
        (life, facts) => {
          const statistics = new JaegerStatistics()
          this.#jaeger = statistics
          return () => expose(life.registry, jaegerMetrics(statistics, facts()))
        },
        () => {
          this.#jaeger = undefined
        },
      ),
      this.#exporter(
        'prometheus',
        ['localhost:9090', 'prometheus:9090'],
        this.container('prometheus'),
        (life, facts) => () =>
          expose(
            life.registry,
            prometheusMetrics(
              {
                version: prometheus.version,
                headSeries: prometheus.headSeries(),
                samplesAppended: prometheus.samplesAppended(),
              },
              facts(),
            ),
          ),
      ),
    ]
  }

  #exporter(
    name: string,
    addresses: readonly string[],
    container: Container | undefined,
    create: (life: Life, facts: () => ProcessFacts) => () => void,
    onEnd?: () => void,
  ): VirtualProcess {
    const { startMs } = this.options
    return new VirtualProcess(
      {
        name,
        container,
        startMs,
        addresses,
        create(life) {
          const facts = () => ({
            startTimeS: life.startedAtMs / 1000,
            cpuSeconds: container?.cpuSeconds ?? 0,
            residentBytes: container?.memoryBytes ?? 0,
          })
          return { beforeScrape: create(life, facts), ...(onEnd && { onEnd }) }
        },
      },
      this.kernel,
    )
  }

  /** The load balancer asks a service for its health. */
  async #checkHealth(process: VirtualProcess): Promise<void> {
    const headers = { 'user-agent': 'load-balancer' }
    for (;;) {
      await this.kernel.sleep(this.options.world.healthChecks.every)
      process.receive({ route: 'GET /health', params: {}, headers, body: undefined, bodyBytes: 0 }, ignore, ignore)
    }
  }

  /** The kernel of the host kills a process whose container is over its memory limit; its restart policy starts it again. */
  async #guardMemory(): Promise<void> {
    for (;;) {
      await this.kernel.sleep(memoryCheckEveryMs)
      this.refreshMemory()
      for (const [name, container] of this.containers) {
        const { memoryLimitBytes } = container.options
        if (memoryLimitBytes === 0 || container.memoryBytes <= memoryLimitBytes) continue
        const victim = isServerName(name) ? this.server(name) : this.process(name)
        if (victim instanceof VirtualProcess) victim.kill()
        else victim.stop()
        this.kernel.after(restartAfterMs, () => victim.start())
      }
    }
  }
}

const serviceNames = ['backend-api', 'ml-engine', 'data-pipeline'] as const
type ServiceName = (typeof serviceNames)[number]

function isServerName(name: string): name is 'postgres' | 'redis' | 'kafka' {
  return name === 'postgres' || name === 'redis' || name === 'kafka'
}

function ignore(): void {}
