/**
 * The parts of the platform that are models in both worlds: containers, host, database, cache and broker. The virtual
 * world calls them inside its kernel; the live world's infrastructure process puts them behind real ports.
 */
import { Container, type ContainerFacts, type ContainerOptions } from '../../services/infrastructure/container.ts'
import { Host } from '../../services/infrastructure/host.ts'
import { HostUnit } from '../../services/infrastructure/host-unit.ts'
import { KafkaBroker } from '../../services/infrastructure/kafka-broker.ts'
import { PostgresServer } from '../../services/infrastructure/postgres-server.ts'
import { RedisServer } from '../../services/infrastructure/redis-server.ts'
import { type Clock, DependencyError, type Rng } from '../../services/runtime/ports.ts'
import type { NamedTenant } from '../workload/tenants.ts'
import type { World } from './world-schema.ts'

export interface PlatformModels {
  readonly host: Host
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  readonly kafka: KafkaBroker
}

/** The containers of the host. The observability servers run without limits. */
export function containersOf(world: World): ContainerOptions[] {
  const limited = {
    'backend-api': world.backendApi.container,
    'ml-engine': world.mlEngine.container,
    'data-pipeline': world.dataPipeline.container,
    postgres: world.postgres.container,
    redis: world.redis.container,
    kafka: world.kafka.container,
  }
  const unlimited = { prometheus: 350_000_000, loki: 260_000_000, jaeger: 220_000_000 }
  return [
    ...Object.entries(limited).map(([name, { image, cpus, memory, memoryBase }]) => ({
      name,
      image,
      cpus,
      memoryLimitBytes: memory,
      memoryBaseBytes: memoryBase,
    })),
    ...Object.entries(unlimited).map(([name, memoryBaseBytes]) => ({
      name,
      image: `${name}:latest`,
      cpus: world.host.cpus,
      memoryLimitBytes: 0,
      memoryBaseBytes,
    })),
  ]
}

/** @param containers all of the host; those of the three servers must be models themselves */
export function createPlatformModels(
  world: World,
  containers: ReadonlyMap<string, ContainerFacts>,
  clock: Clock,
  rng: Rng,
  tenants: readonly NamedTenant[],
): PlatformModels {
  const own = (name: string): Container => {
    const container = containers.get(name)
    if (!(container instanceof Container)) throw new Error(`the container of ${name} is no model`)
    return container
  }
  const host = new Host({
    cpus: world.host.cpus,
    memoryBytes: world.host.memory,
    filesystems: world.host.filesystems.map((filesystem) => ({
      ...filesystem,
      sizeBytes: filesystem.size,
      usedBytes: filesystem.used,
    })),
    containers: [...containers.values()],
    units: world.host.units.map((unit) => new HostUnit({ ...unit, memoryLimitBytes: unit.memory }, clock)),
  })
  const postgres = new PostgresServer(
    {
      connectionsMax: world.postgres.connectionsMax,
      query: world.postgres.query,
      cpuPerQueryMs: world.postgres.cpuPerQuery,
      databaseBytes: world.postgres.databaseBytes,
      rowBytes: world.postgres.rowBytes,
      tenantBytes: tenantBytesAtStart(world, tenants),
    },
    own('postgres'),
    host,
    rng.fork('postgres'),
  )
  const redis = new RedisServer(
    {
      operation: world.redis.operation,
      cpuPerCommandMs: world.redis.cpuPerCommand,
      memoryMaxBytes: world.redis.memoryMax,
    },
    own('redis'),
    clock,
    rng.fork('redis'),
  )
  const kafka = new KafkaBroker(
    { publish: world.kafka.publish, cpuPerMessageMs: world.kafka.cpuPerMessage, topics: world.dataPipeline.topics },
    own('kafka'),
    host,
  )
  return { host, postgres, redis, kafka }
}

/** What the database holds at the start came with the load so far, so tenants share it as they share the load. */
function tenantBytesAtStart(world: World, tenants: readonly NamedTenant[]): Record<string, number> {
  const weights = tenants.reduce((sum, { weight }) => sum + weight, 0)
  const { databaseBytes } = world.postgres
  return Object.fromEntries(tenants.map(({ id, weight }) => [id, Math.round((databaseBytes * weight) / weights)]))
}

/** Kafka deletes old segments, Redis drops expired keys. */
export async function keepHouse(world: World, { kafka, redis }: PlatformModels, clock: Clock): Promise<never> {
  for (;;) {
    await clock.sleep(10_000)
    kafka.deleteBefore(clock.nowMs() - world.kafka.retained)
    redis.expireSome(400)
  }
}

/** Producers outside of the simulated services write into topics too. */
export async function produceForOtherTopics(
  world: World,
  { kafka }: Pick<PlatformModels, 'kafka'>,
  { clock, rng, tenants }: { clock: Clock; rng: Rng; tenants: readonly NamedTenant[] },
): Promise<never> {
  const everyMs = 1_000
  const carry = new Map<string, number>()
  for (;;) {
    await clock.sleep(everyMs)
    if (!kafka.running) continue
    for (const { topic, partitions, sourceEventsPerSecond } of world.dataPipeline.topics) {
      if (sourceEventsPerSecond === 0) continue
      for (let partition = 0; partition < partitions; partition += 1) {
        const key = `${topic}/${partition}`
        const exact = (sourceEventsPerSecond / partitions) * (0.5 + rng.next()) + (carry.get(key) ?? 0)
        const count = Math.floor(exact)
        carry.set(key, exact - count)
        if (count === 0) continue
        const { id } = rng.pick(tenants)
        const batch = { topic, key, count, bytes: count * 400, tenantId: id, headers: {}, value: { type: topic } }
        try {
          kafka.append(partition, batch, clock.nowMs())
        } catch (error) {
          // The broker's disk is full: producers outside lose their events, as ours get an error.
          if (!(error instanceof DependencyError)) throw error
        }
      }
    }
  }
}

/** What each service is configured with. */
export function serviceConfigs(world: World, tenants: readonly NamedTenant[]) {
  const common = { tenants, sampling: world.sampling, prices: world.prices }
  return {
    'backend-api': { ...world.backendApi, ...common, counters: world.counters['backend-api'] },
    'ml-engine': { ...world.mlEngine, ...common, counters: world.counters['ml-engine'] },
    'data-pipeline': { ...world.dataPipeline, ...common, counters: world.counters['data-pipeline'] },
  }
}

/** Messages with the same key share a partition (FNV-1a, as good as the real client's murmur2 for spreading keys). */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return ((hash ^ (hash >>> 15)) >>> 0) % partitions
}
