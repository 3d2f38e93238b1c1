/** The ports that the virtual world hands to one life of a service: calls go straight to the models, in virtual time. */
import type { Container } from '../../services/infrastructure/container.ts'
import type { Host } from '../../services/infrastructure/host.ts'
import { moveBytes } from '../../services/infrastructure/host.ts'
import type { KafkaBroker } from '../../services/infrastructure/kafka-broker.ts'
import type { PostgresServer } from '../../services/infrastructure/postgres-server.ts'
import type { RedisServer } from '../../services/infrastructure/redis-server.ts'
import { createGate } from '../../services/runtime/gate.ts'
import {
  type Cache,
  type Database,
  DependencyError,
  type Disk,
  type HttpClient,
  type LatencyProfile,
  type MessageBus,
  type Ports,
  type Rng,
} from '../../services/runtime/ports.ts'
import { latencyAt } from '../../services/runtime/rng.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { VirtualNetwork } from '../kernel/virtual-network.ts'
import { partitionOf } from './platform-models.ts'
import type { Life, VirtualProcess } from './virtual-process.ts'

/** What all parts of the virtual platform share. */
export interface Surroundings {
  readonly kernel: Kernel
  readonly network: VirtualNetwork
  readonly host: Host
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  readonly kafka: KafkaBroker
  /** How long a connection to something dead takes to fail. */
  readonly refusedAfterMs: number
  /** A call that got lost fails after this time when its caller has no time-out of its own. */
  readonly lostAfterMs: number
  process(name: string): VirtualProcess | undefined
}

/** Bytes of headers beside a body. */
const headerBytes = 300
const rowBytesOnWire = 120
/** Connections that a service process holds to the cache server. */
const cacheConnections = 8

export interface Caller {
  readonly name: string
  readonly container: Container
  readonly life: Life
}

export function createHttpClient({ name, container, life }: Caller, around: Surroundings): HttpClient {
  const { kernel, network } = around
  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        let settled = false
        const settle = (afterMs: number, action: () => void) =>
          life.later(afterMs, () => {
            if (settled) return
            settled = true
            action()
          })
        const fail = (error: DependencyError) => reject(error)
        const to = request.to
        settle(request.timeoutMs, () =>
          fail(new DependencyError(to, 'timeout', `no answer from ${to} within ${request.timeoutMs} ms`)),
        )
        const thereMs = network.oneWayMs(name, to)
        // A lost call is only noticed by the caller's time-out.
        if (thereMs === undefined) return
        const target = around.process(to)
        if (!target) throw new Error(`no process is called "${to}"`)
        const bodyBytes = request.bodyBytes ?? 0
        kernel.after(thereMs, () => {
          moveBytes(container, target.options.container, bodyBytes + headerBytes)
          target.receive(
            {
              route: request.route,
              params: request.params ?? {},
              headers: request.headers ?? {},
              body: request.body,
              bodyBytes,
            },
            (response) => {
              moveBytes(target.options.container, container, response.bodyBytes + headerBytes)
              // The way back is as long as the way there was.
              settle(thereMs, () => resolve(response))
            },
            (error) => settle(error.kind === 'refused' ? around.refusedAfterMs : thereMs, () => fail(error)),
          )
        })
      }),
  }
}

/** Fails a call that the network lost. */
async function lose(life: Life, dependency: string, afterMs: number): Promise<never> {
  await life.clock.sleep(afterMs)
  throw new DependencyError(dependency, 'timeout', `no answer from ${dependency} within ${afterMs} ms`)
}

async function refuse(life: Life, dependency: string, afterMs: number): Promise<never> {
  await life.clock.sleep(afterMs)
  throw new DependencyError(dependency, 'refused', `connection refused by ${dependency}`)
}

/** The server keeps these numbers ready. A time that is drawn would shift the times of all queries after it. */
const statisticsMs = 2

export function createDatabasePool(
  { name, container, life }: Caller,
  around: Surroundings,
  pool: { size: number; waitMs: number },
): Database & { closeAll(): void } {
  const { network, postgres } = around
  const gate = createGate(life.clock, { slots: pool.size, queueMax: 10_000, waitMsMax: pool.waitMs })
  let open = 0
  let epoch = postgres.epoch

  return {
    poolName: 'main',
    get poolSize() {
      return epoch === postgres.epoch ? open : 0
    },
    closeAll() {
      for (; open > 0; open -= 1) postgres.disconnect(epoch)
    },
    async query(query) {
      const entered = gate.enter()
      if (!(entered === true || (await entered))) {
        throw new DependencyError(
          'postgres',
          'pool-exhausted',
          `no connection of the pool became free within ${pool.waitMs} ms`,
        )
      }
      try {
        const roundTripMs = network.roundTripMs(name, 'postgres')
        if (roundTripMs === undefined) await lose(life, 'postgres', around.lostAfterMs)
        if (!postgres.running) await refuse(life, 'postgres', around.refusedAfterMs)
        if (epoch !== postgres.epoch) {
          epoch = postgres.epoch
          open = 0
        }
        if (open < gate.inside) {
          postgres.connect()
          open += 1
        }
        moveBytes(container, postgres.container, query.statement.length + headerBytes)
        const answerMs = roundTripMs! + postgres.execute(query)
        await life.clock.sleep(answerMs)
        if (epoch !== postgres.epoch)
          throw new DependencyError('postgres', 'reset', 'server closed the connection unexpectedly')
        moveBytes(postgres.container, container, query.rows * rowBytesOnWire + headerBytes)
      } finally {
        gate.leave()
      }
    },
    async tenantBytes() {
      if (network.isCut(name, 'postgres')) await lose(life, 'postgres', around.lostAfterMs)
      if (!postgres.running) await refuse(life, 'postgres', around.refusedAfterMs)
      await life.clock.sleep(statisticsMs)
      return postgres.tenantBytes
    },
  }
}

export function createCacheConnection(
  { name, container, life }: Caller,
  around: Surroundings,
): Cache & { close(): void } {
  const { network, redis } = around
  redis.connectedClients += cacheConnections

  /** Time until a command is answered. */
  async function command(bytesThere: number): Promise<void> {
    const roundTripMs = network.roundTripMs(name, 'redis')
    if (roundTripMs === undefined) await lose(life, 'redis', around.lostAfterMs)
    if (!redis.running) await refuse(life, 'redis', around.refusedAfterMs)
    const { epoch } = redis
    moveBytes(container, redis.container, bytesThere)
    await life.clock.sleep(roundTripMs! + redis.commandMs())
    if (epoch !== redis.epoch) throw new DependencyError('redis', 'reset', 'connection to redis was closed')
  }

  return {
    async get(key) {
      await command(40 + key.length)
      const value = redis.get(key)
      moveBytes(redis.container, container, value === undefined ? 5 : 600)
      return value
    },
    async set(key, value, { bytes, ttlMs }) {
      await command(60 + key.length + bytes)
      redis.set(key, value, bytes, ttlMs)
    },
    usage: (prefix) => redis.usage(prefix),
    close() {
      redis.connectedClients -= cacheConnections
    },
  }
}

export function createBus(
  { name, container, life }: Caller,
  around: Surroundings,
  options: { publish: LatencyProfile; rng: Rng },
): MessageBus {
  const { kernel, network, kafka } = around
  const startMs = life.startedAtMs - kernel.nowMs

  async function reach(): Promise<number> {
    const roundTripMs = network.roundTripMs(name, 'kafka')
    if (roundTripMs === undefined) await lose(life, 'kafka', around.lostAfterMs)
    if (!kafka.running) await refuse(life, 'kafka', around.refusedAfterMs)
    return roundTripMs!
  }

  return {
    async publish(batch) {
      const roundTripMs = await reach()
      const { epoch } = kafka
      moveBytes(container, kafka.container, batch.bytes + headerBytes)
      await life.clock.sleep(roundTripMs + latencyAt(options.publish, options.rng.next()))
      if (epoch !== kafka.epoch) throw new DependencyError('kafka', 'reset', 'connection to the broker was closed')
      kafka.append(partitionOf(batch.key, kafka.partitionsOf(batch.topic)), batch, startMs + kernel.nowMs)
    },
    async poll(topic, partition, _group, maxMessages) {
      const roundTripMs = await reach()
      if (!kafka.hasMessages(topic, partition)) {
        await new Promise<void>((resolve) => kafka.onMessages(topic, partition, () => life.wake(resolve)))
        if (!kafka.running) await refuse(life, 'kafka', around.refusedAfterMs)
      }
      await life.clock.sleep(roundTripMs)
      if (!kafka.running) throw new DependencyError('kafka', 'reset', 'connection to the broker was closed')
      const batches = kafka.read(topic, partition, maxMessages)
      for (const batch of batches) moveBytes(kafka.container, container, batch.count * rowBytesOnWire)
      return batches
    },
    async commit(topic, partition, _group, offset) {
      if (!kafka.running) throw new DependencyError('kafka', 'refused', 'connection refused by kafka')
      kafka.commit(topic, partition, offset)
    },
    async partitions(topic) {
      await reach()
      return kafka.states(topic)
    },
  }
}

export function createDisk({ container, life }: Caller, host: Host): Disk {
  /** 200 MB a second. */
  const msFor = (bytes: number) => bytes / 200_000
  return {
    async write(path, bytes) {
      host.write(container, path, bytes)
      await life.clock.sleep(msFor(bytes))
    },
    async read(_path, bytes) {
      host.read(container, bytes)
      await life.clock.sleep(msFor(bytes))
    },
    free: (bytes) => host.filesystemOf('/data').free(bytes),
  }
}

export function createCpu({ container, life }: Caller): Ports['cpu'] {
  return {
    work: (ms) => life.clock.sleep(container.reserveCpu(ms)),
    account: (ms) => container.accountCpu(ms),
  }
}
