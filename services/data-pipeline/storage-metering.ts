/** Measures what the database holds for each tenant once a minute, and charges it for all of the time. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import { DependencyError, type Ports } from '../runtime/ports.ts'
import type { TenantUsage } from '../runtime/tenant-usage.ts'
import type { DataPipelineMetrics } from './metrics.ts'

const everyMs = 60_000

export interface StorageMetering {
  readonly loop: BackgroundLoop
  /** Books what was kept since the last call: before each scrape. */
  charge(): void
}

export function createStorageMetering(ports: Ports, metrics: DataPipelineMetrics, usage: TenantUsage): StorageMetering {
  const { clock, database } = ports
  let sizes: Readonly<Record<string, number>> = {}
  let chargedAtMs = clock.nowMs()

  function charge(): void {
    const nowMs = clock.nowMs()
    for (const [tenantId, bytes] of Object.entries(sizes)) usage.stored(tenantId, bytes, nowMs - chargedAtMs)
    chargedAtMs = nowMs
  }

  async function measure(): Promise<void> {
    try {
      const measured = await database.tenantBytes()
      charge()
      sizes = measured
    } catch (error) {
      // What can't be measured is still kept, and costs what it did.
      if (!(error instanceof DependencyError)) throw error
    }
    for (const [tenantId, bytes] of Object.entries(sizes)) metrics.storage.set({ tenant_id: tenantId }, bytes)
  }

  return {
    charge,
    loop: {
      name: 'storage-metering',
      async run() {
        for (;;) {
          await measure()
          await clock.sleep(everyMs)
        }
      },
    },
  }
}
