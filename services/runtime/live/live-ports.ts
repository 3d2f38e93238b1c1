/** Database, cache, bus, disk and processor of a live process: what they ask of the models' servers goes over the wire. */
import type { Container, ContainerFacts } from '../../infrastructure/container.ts'
import { createGate } from '../gate.ts'
import {
  type Cache,
  type CacheUsage,
  type Database,
  DependencyError,
  type Disk,
  type MessageBatch,
  type MessageBus,
  type PartitionState,
  type Ports,
} from '../ports.ts'
import type { LineConnection } from './line-protocol.ts'
import type { Links } from './links.ts'
import type { LiveClock } from './live-clock.ts'

/** What the ports of one process share. */
export interface LiveCaller {
  readonly clock: LiveClock
  readonly container: Container
  readonly links: Links
  connect(server: string): LineConnection
}

/** Each connection of the pool is a connection of its own, as a database's are. */
export function createLiveDatabase(
  { clock, links, connect }: LiveCaller,
  pool: { readonly size: number; readonly waitMs: number },
): Database & { close(): void } {
  const gate = createGate(clock, { slots: pool.size, queueMax: 10_000, waitMsMax: pool.waitMs })
  const all = new Set<LineConnection>()
  const idle: LineConnection[] = []

  /** Asks over a connection of the pool. */
  async function ask<Result>(operation: string, data: unknown): Promise<Result> {
    const entered = gate.enter()
    if (!(entered === true || (await entered))) {
      const message = `no connection of the pool became free within ${pool.waitMs} ms`
      throw new DependencyError('postgres', 'pool-exhausted', message)
    }
    try {
      await links.cross('postgres')
      const connection = idle.pop() ?? connect('postgres')
      all.add(connection)
      try {
        const result = await connection.request<Result>(operation, data)
        idle.push(connection)
        return result
      } catch (error) {
        if (error instanceof DependencyError && error.kind === 'disk-full') idle.push(connection)
        else {
          all.delete(connection)
          connection.close()
        }
        throw error
      }
    } finally {
      gate.leave()
    }
  }

  return {
    poolName: 'main',
    get poolSize() {
      let open = 0
      for (const connection of all) if (connection.isOpen) open += 1
      return open
    },
    query: (query) => ask('query', query),
    tenantBytes: () => ask('tenantBytes', {}),
    close() {
      for (const connection of all) connection.close()
    },
  }
}

export interface LiveCache extends Cache {
  /** Asks the server what `usage` answers from then on. A server that can't be reached reports nothing. */
  refreshUsage(): Promise<void>
}

export function createLiveCache({ links, connect }: LiveCaller): LiveCache {
  // One connection that all commands share, as Redis clients of Node do it.
  const connection = connect('redis')
  const usages = new Map<string, CacheUsage>()
  return {
    async get(key) {
      await links.cross('redis')
      const { value } = await connection.request<{ value?: unknown }>('get', { key })
      return value
    },
    async set(key, value, { bytes, ttlMs }) {
      await links.cross('redis')
      await connection.request('set', { key, value, bytes, ttlMs })
    },
    usage(prefix) {
      const known = usages.get(prefix) ?? { bytes: 0, evictions: { maxmemory: 0, expired: 0, flushed: 0 } }
      usages.set(prefix, known)
      return known
    },
    async refreshUsage() {
      if (usages.size === 0 || links.isCut('redis')) return
      try {
        const prefixes = [...usages.keys()]
        const answers = await connection.request<CacheUsage[]>('usage', { prefixes })
        prefixes.forEach((prefix, i) => {
          usages.set(prefix, answers[i]!)
        })
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
      }
    },
  }
}

/** The bus when no broker is configured: the model of one, in the infrastructure process. */
export function createBridgedBus({ links, connect }: LiveCaller): MessageBus {
  const connection = connect('kafka')
  const ask = async <Result>(operation: string, data: unknown): Promise<Result> => {
    await links.cross('kafka')
    return connection.request<Result>(operation, data)
  }
  return {
    publish: (batch) => ask('publish', batch),
    poll: (topic, partition, group, maxMessages) =>
      ask<MessageBatch[]>('poll', { topic, partition, group, maxMessages }),
    commit: (topic, partition, group, offset) => ask('commit', { topic, partition, group, offset }),
    partitions: (topic, group) => ask<PartitionState[]>('partitions', { topic, group }),
  }
}

export function createLiveDisk({ clock }: LiveCaller, host: LineConnection, service: string): Disk {
  /** 200 MB a second. */
  const msFor = (bytes: number) => bytes / 200_000
  return {
    async write(path, bytes) {
      await host.request('write', { service, path, bytes })
      await clock.sleep(msFor(bytes))
    },
    async read(_path, bytes) {
      await host.request('read', { service, bytes })
      await clock.sleep(msFor(bytes))
    },
    free(bytes) {
      host.request('free', { bytes }).catch(ignoreUnreachable)
    },
  }
}

/** Work takes the time that the container's limit gives it; the machine itself is not kept busy. */
export function createLiveCpu({ clock, container }: Pick<LiveCaller, 'clock' | 'container'>): Ports['cpu'] {
  return {
    work: (ms) => clock.sleep(container.reserveCpu(ms)),
    account: (ms) => container.accountCpu(ms),
  }
}

/** What a process tells the host of itself, so that the exporters of host and containers can show it. */
export interface ContainerReport {
  readonly service: string
  readonly cpuSeconds: number
  readonly memoryBytes: number
  readonly networkReceivedBytes: number
  readonly networkSentBytes: number
  readonly logLines: number
  readonly logBytes: number
  readonly spans: number
}

export function reportOf(
  service: string,
  container: ContainerFacts,
  sent: { readonly logLines: number; readonly logBytes: number; readonly spans: number },
): ContainerReport {
  const { cpuSeconds, memoryBytes, networkReceivedBytes, networkSentBytes } = container
  return { service, cpuSeconds, memoryBytes, networkReceivedBytes, networkSentBytes, ...sent }
}

/** For what nobody waits for: the next report says it again. */
export function ignoreUnreachable(error: unknown): void {
  if (!(error instanceof DependencyError)) throw error
}
