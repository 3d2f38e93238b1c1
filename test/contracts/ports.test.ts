/**
 * What services may rely on, whatever the world: the contract of the ports in services/runtime/ports.ts, and of a process
 * that is called, dies, hangs and comes back.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Cache, Clock, Database, Disk, HttpClient, MessageBus } from '../../services/runtime/ports.ts'
import { DependencyError } from '../../services/runtime/ports.ts'
import { createRng } from '../../services/runtime/rng.ts'
import {
  createBus,
  createCacheConnection,
  createDatabasePool,
  createDisk,
  createHttpClient,
} from '../../simulator/world/virtual-ports.ts'
import { Life } from '../../simulator/world/virtual-process.ts'
import { VirtualWorld } from '../../simulator/world/virtual-world.ts'
import { shippedDrill } from '../drill/run-scenario.ts'

/** One process with its ports, in a world where nobody else does anything. */
interface Caller {
  readonly clock: Clock
  readonly http: HttpClient
  readonly database: Database
  readonly cache: Cache
  readonly bus: MessageBus
  readonly disk: Disk
  /** Lets time pass, milliseconds. */
  pass(ms: number): Promise<void>
  /** What is done to others. */
  kill(process: 'ml-engine'): void
  restart(process: 'ml-engine'): void
  freeze(process: 'ml-engine'): void
  thaw(process: 'ml-engine'): void
  stop(server: 'postgres' | 'redis' | 'kafka'): void
  start(server: 'postgres' | 'redis' | 'kafka'): void
  fillDisk(): void
  die(): void
}

const worlds = [{ name: 'virtual world', createCaller: createVirtualCaller }]

describe.each(worlds)('$name', ({ createCaller }) => {
  let caller: Caller
  beforeEach(async () => {
    caller = await createCaller()
  })

  /** What a call comes to within `ms`; undefined while it is under way. */
  async function outcome<T>(call: Promise<T>, ms = 10_000): Promise<T | Error | undefined> {
    let result: T | Error | undefined
    call.then(
      (value) => {
        result = value
      },
      (error: Error) => {
        result = error
      },
    )
    await caller.pass(ms)
    return result
  }

  describe('clock', () => {
    test('a sleep ends when its time has come, not before', async () => {
      const startMs = caller.clock.nowMs()
      let endedMs: number | undefined
      void caller.clock.sleep(1_500).then(() => {
        endedMs = caller.clock.nowMs()
      })
      await caller.pass(1_499)
      expect(endedMs).toBeUndefined()
      await caller.pass(10)
      expect(endedMs! - startMs).toBeGreaterThanOrEqual(1_500)
    })

    test('sleeps end in the order of their times; those of one time in the order in which they began', async () => {
      const order: string[] = []
      for (const [name, ms] of [
        ['b', 20],
        ['a', 10],
        ['c', 20],
      ] as const) {
        void caller.clock.sleep(ms).then(() => order.push(name))
      }
      await caller.pass(100)
      expect(order).toEqual(['a', 'b', 'c'])
    })

    test('a sleep of a process that died never ends', async () => {
      let ended = false
      void caller.clock.sleep(100).then(() => {
        ended = true
      })
      caller.die()
      await caller.pass(10_000)
      expect(ended).toBe(false)
    })
  })

  describe('HTTP client', () => {
    const health = { to: 'ml-engine', route: 'GET /health', timeoutMs: 1_000 }

    test('gives the answer of the service', async () => {
      expect(await outcome(caller.http.request(health))).toMatchObject({ status: 200 })
    })

    test('an unknown route is an answer: 404', async () => {
      expect(await outcome(caller.http.request({ ...health, route: 'GET /nothing' }))).toMatchObject({ status: 404 })
    })

    test('a service that died refuses', async () => {
      caller.kill('ml-engine')
      const error = await outcome(caller.http.request(health))
      expect(error).toBeInstanceOf(DependencyError)
      expect(error).toMatchObject({ dependency: 'ml-engine', kind: 'refused' })
    })

    test('a service that hangs lets the call time out, when its time is over', async () => {
      caller.freeze('ml-engine')
      const call = caller.http.request(health)
      expect(await outcome(call, 990)).toBeUndefined()
      expect(await outcome(call, 20)).toMatchObject({ dependency: 'ml-engine', kind: 'timeout' })
    })

    test('a service that is back answers', async () => {
      caller.kill('ml-engine')
      caller.restart('ml-engine')
      expect(await outcome(caller.http.request(health))).toMatchObject({ status: 200 })
      caller.freeze('ml-engine')
      caller.thaw('ml-engine')
      expect(await outcome(caller.http.request(health))).toMatchObject({ status: 200 })
    })
  })

  describe('database', () => {
    const query = { type: 'select', table: 'items', statement: 'SELECT 1', rows: 1 } as const

    test('answers, over a connection that stays open', async () => {
      expect(await outcome(caller.database.query(query).then(() => 'answered'))).toBe('answered')
      expect(caller.database.poolSize).toBe(1)
    })

    test('refuses while the server is down, and answers again afterwards', async () => {
      caller.stop('postgres')
      expect(await outcome(caller.database.query(query))).toMatchObject({ dependency: 'postgres', kind: 'refused' })
      caller.start('postgres')
      expect(await outcome(caller.database.query(query).then(() => 'answered'))).toBe('answered')
    })

    test('a pool that is full lets others wait, and tells those that wait too long', async () => {
      const heavy = { ...query, weight: 100_000 }
      const first = Array.from({ length: 20 }, () => caller.database.query(heavy).catch(() => {}))
      const error = await outcome(caller.database.query(query), 2_100)
      expect(error).toMatchObject({ dependency: 'postgres', kind: 'pool-exhausted' })
      expect(caller.database.poolSize).toBe(first.length)
    })
  })

  describe('cache', () => {
    const options = { bytes: 100, ttlMs: 60_000 }

    test('gives what was kept, until its time to live is over', async () => {
      await outcome(caller.cache.set('rec:a', 'kept', options), 100)
      expect(await outcome(caller.cache.get('rec:a'), 100)).toBe('kept')
      await caller.pass(60_000)
      expect(
        await outcome(
          caller.cache.get('rec:a').then((value) => [value]),
          100,
        ),
      ).toEqual([undefined])
    })

    test('tells what the keys of a prefix take', async () => {
      await outcome(caller.cache.set('rec:a', 'kept', options), 100)
      expect(caller.cache.usage('rec:').bytes).toBeGreaterThanOrEqual(100)
      expect(caller.cache.usage('item:').bytes).toBe(0)
    })

    test('refuses while the server is down, and is empty afterwards', async () => {
      await outcome(caller.cache.set('rec:a', 'kept', options), 100)
      caller.stop('redis')
      expect(await outcome(caller.cache.get('rec:a'))).toMatchObject({ dependency: 'redis', kind: 'refused' })
      caller.start('redis')
      expect(await outcome(caller.cache.get('rec:a').then((value) => [value]))).toEqual([undefined])
    })
  })

  describe('bus', () => {
    const batch = (key: string, count: number) => ({
      topic: 'interactions',
      key,
      count,
      bytes: count * 100,
      tenantId: 't',
      headers: {},
      value: key,
    })
    const partitionWithMessages = async () => {
      const states = (await outcome(caller.bus.partitions('interactions', 'group'), 1_000)) as readonly {
        endOffset: number
      }[]
      return states.findIndex(({ endOffset }) => endOffset > 0)
    }
    const poll = (partition: number, most: number) =>
      outcome(
        caller.bus
          .poll('interactions', partition, 'group', most)
          .then((batches) => batches.map(({ offset, count }) => ({ offset, count }))),
        1_000,
      )

    test('messages of one key come from one partition, in the order in which they were sent', async () => {
      for (const count of [3, 4, 5]) await outcome(caller.bus.publish(batch('user-1', count)), 1_000)
      const partition = await partitionWithMessages()
      expect(await poll(partition, 100)).toEqual([
        { offset: 0, count: 3 },
        { offset: 3, count: 4 },
        { offset: 7, count: 5 },
      ])
    })

    test('no more messages are given than asked for: a batch is split', async () => {
      await outcome(caller.bus.publish(batch('user-1', 10)), 1_000)
      const partition = await partitionWithMessages()
      expect(await poll(partition, 4)).toEqual([{ offset: 0, count: 4 }])
      expect(await poll(partition, 100)).toEqual([{ offset: 4, count: 6 }])
    })

    test('a poll of an empty partition waits for the next message', async () => {
      await outcome(caller.bus.publish(batch('user-1', 1)), 1_000)
      const partition = await partitionWithMessages()
      await poll(partition, 100)
      const waiting = caller.bus.poll('interactions', partition, 'group', 100).then((batches) => batches.length)
      expect(await outcome(waiting, 5_000)).toBeUndefined()
      await outcome(caller.bus.publish(batch('user-1', 1)), 1_000)
      expect(await outcome(waiting, 1_000)).toBe(1)
    })

    test('what is committed and what is behind is what was sent, through an outage of the broker', async () => {
      await outcome(caller.bus.publish(batch('user-1', 10)), 1_000)
      const partition = await partitionWithMessages()
      await poll(partition, 4)
      await outcome(caller.bus.commit('interactions', partition, 'group', 4), 100)
      await poll(partition, 3)
      caller.stop('kafka')
      expect(await outcome(caller.bus.publish(batch('user-1', 1)))).toMatchObject({
        dependency: 'kafka',
        kind: 'refused',
      })
      caller.start('kafka')
      const states = (await outcome(caller.bus.partitions('interactions', 'group'), 1_000)) as object[]
      expect(states[partition]).toEqual({ partition, endOffset: 10, committedOffset: 4 })
      // What was read but not committed comes again.
      const again = (await poll(partition, 100)) as { offset: number; count: number }[]
      expect(again[0]!.offset).toBe(4)
      expect(again.reduce((sum, { count }) => sum + count, 0)).toBe(6)
    })
  })

  describe('disk', () => {
    test('takes what is written, until the file system is full', async () => {
      expect(await outcome(caller.disk.write('/data/model', 1_000_000).then(() => 'written'))).toBe('written')
      caller.fillDisk()
      expect(await outcome(caller.disk.write('/data/model', 1_000_000))).toMatchObject({ kind: 'disk-full' })
    })
  })
})

/** The consumers of the data pipeline would read the messages away: only the ML engine runs. */
async function createVirtualCaller(): Promise<Caller> {
  const { world: settings, startMs } = shippedDrill('steady-state')
  const world = new VirtualWorld({
    world: settings,
    seed: 42,
    startMs,
    load: [],
    onLogLine() {},
    onSpan() {},
    prometheus: { version: '3.0.0', headSeries: () => 0, samplesAppended: () => 0 },
  })
  const { kernel, network, host, postgres, redis, kafka } = world
  const around = {
    kernel,
    network,
    host,
    postgres,
    redis,
    kafka,
    refusedAfterMs: settings.network.refusedAfter,
    lostAfterMs: 3_000,
    process: (name: string) => world.processes.get(name),
  }
  const life = new Life(kernel, startMs)
  const caller = { name: 'backend-api', container: world.container('backend-api'), life }
  const engine = world.process('ml-engine')
  engine.start()
  return {
    clock: life.clock,
    http: createHttpClient(caller, around),
    database: createDatabasePool(caller, around, { size: 20, waitMs: 2_000 }),
    cache: createCacheConnection(caller, around),
    bus: createBus(caller, around, { publish: settings.kafka.publish, rng: createRng(42, 'bus') }),
    disk: createDisk(caller, host),
    pass: (ms) => kernel.runUntil(kernel.nowMs + ms),
    kill: () => engine.kill(),
    restart: () => engine.start(),
    freeze: () => engine.freeze(),
    thaw: () => engine.thaw(),
    stop: (server) => world.server(server).stop(),
    start: (server) => world.server(server).start(),
    fillDisk: () => host.filesystemOf('/data').fillUntilAvailable(0),
    die: () => {
      life.alive = false
    },
  }
}
