/** The handles by which faults act on the causes of the virtual world. */
import type { FaultWorld, Injection } from '../faults/define-fault.ts'
import type { NamedTenant } from '../workload/tenants.ts'
import { createChurn } from './cache-churn.ts'
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
    cache: () => ({ flush: () => redis.flush(), churn: createChurn(redis, (ms, action) => kernel.after(ms, action)) }),
    topic: (name) => ({
      poison: (ratio, partitions) => kafka.poison(name, ratio, partitions),
      lag: (partitions) =>
        kafka
          .states(name)
          .filter(({ partition }) => partitions === undefined || partitions.includes(partition))
          .reduce((sum, { endOffset, committedOffset }) => sum + endOffset - committedOffset, 0),
    }),
    inject: (injection) => world.faultTable.add(withTenantId(injection, world.tenants)),
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
export function withTenantId(injection: Injection, tenants: readonly NamedTenant[]): Injection {
  const { tenant } = injection.where
  if (typeof tenant !== 'string') return injection
  const id = tenants.find((candidate) => candidate.id === tenant || String(candidate.rank) === tenant)?.id
  if (id === undefined) throw new Error(`no tenant is called "${tenant}"`)
  return { ...injection, where: { ...injection.where, tenant: id } }
}
