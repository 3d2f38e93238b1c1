/** The handles by which faults act on the causes of the virtual world. */
import type { FaultWorld, Injection } from '../faults/define-fault.ts'
import type { VirtualWorld } from './virtual-world.ts'

export function createFaultControls(world: VirtualWorld): FaultWorld {
  const { kernel, network, redis, kafka } = world
  return {
    process: (name) => world.process(name),
    server: (name) => world.server(name),
    link: (from, to) => ({
      addLatency: (ms) => network.addLatency(from, to, ms),
      setLoss: (ratio) => network.setLoss(from, to, ratio),
      setPartitioned: (partitioned) => network.setPartitioned(from, to, partitioned),
    }),
    container(name) {
      const container = world.container(name)
      return {
        memoryLimitBytes: container.options.memoryLimitBytes,
        leak: (bytesPerSecond) => container.leak(bytesPerSecond),
        stealCpu: (share) => container.stealCpu(share),
      }
    },
    filesystem: (mountpoint) => ({
      fillUntilAvailable: (share) => world.host.filesystemOf(mountpoint).fillUntilAvailable(share),
    }),
    traffic: () => ({ multiply: (tenant, factor) => world.workload.multiply(tenant, factor) }),
    cache: () => ({ flush: () => redis.flush(), churn: createChurn(world) }),
    topic: (name) => ({
      poison: (ratio, partitions) => kafka.poison(name, ratio, partitions),
      lag: (partitions) =>
        kafka
          .states(name)
          .filter(({ partition }) => partitions === undefined || partitions.includes(partition))
          .reduce((sum, { endOffset, committedOffset }) => sum + endOffset - committedOffset, 0),
    }),
    inject: (injection) => world.faultTable.add(withTenantId(injection, world)),
    repeat(everyMs, step) {
      let active = true
      const run = () => {
        if (!active) return
        step()
        kernel.after(everyMs, run)
      }
      kernel.after(everyMs, run)
      return () => {
        active = false
      }
    },
    later(afterMs, step) {
      let active = true
      kernel.after(afterMs, () => {
        if (active) step()
      })
      return () => {
        active = false
      }
    },
  }
}

/** A scenario may name a tenant by its rank; services know ids. */
function withTenantId(injection: Injection, world: VirtualWorld): Injection {
  const { tenant } = injection.where
  if (typeof tenant !== 'string') return injection
  const id = world.tenants.find((candidate) => candidate.id === tenant || String(candidate.rank) === tenant)?.id
  if (id === undefined) throw new Error(`no tenant is called "${tenant}"`)
  return { ...injection, where: { ...injection.where, tenant: id } }
}

/** A neighbour's writes are kept together by the second: they differ in nothing that the server looks at. */
function createChurn({ kernel, redis }: VirtualWorld): (keysPerSecond: number, bytesPerKey: number) => void {
  let rate = 0
  let bytes = 0
  let running = false
  let count = 0
  const step = () => {
    if (rate <= 0) {
      running = false
      return
    }
    if (redis.running) {
      // Ten parts a second, so that evictions are spread and not in one blow.
      const keys = Math.max(1, Math.round(rate / 10))
      count += 1
      redis.commands += keys
      redis.container.accountCpu(redis.options.cpuPerCommandMs * keys)
      redis.set(`churn:${count}`, true, bytes * keys, 3_600_000, keys)
    }
    kernel.after(100, step)
  }
  return (keysPerSecond, bytesPerKey) => {
    rate = keysPerSecond
    bytes = bytesPerKey
    if (running || rate <= 0) return
    running = true
    kernel.after(0, step)
  }
}
