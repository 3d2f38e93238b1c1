/** The data pipeline: consumes the topics of the platform, and runs its ETL jobs. Its only route is its health. */
import { defineService, type Route } from '../runtime/define-service.ts'
import { createHttpServer, type HttpObserver } from '../runtime/http-server.ts'
import { createTenantUsage } from '../runtime/tenant-usage.ts'
import type { DataPipelineConfig } from './config.ts'
import { consumerGroup, createConsumers } from './consumers.ts'
import { createEtl } from './etl.ts'
import { createLagMonitor } from './lag-monitor.ts'
import {
  type DataPipelineMetrics,
  etlFailureReasons,
  processingErrorTypes,
  registerDataPipelineMetrics,
} from './metrics.ts'
import { createStorageMetering } from './storage-metering.ts'

export const dataPipeline = defineService<DataPipelineConfig>({
  name: 'data-pipeline',
  port: 8002,
  create(ports, config) {
    const metrics = registerDataPipelineMetrics(ports.registry)
    const usage = createTenantUsage(ports.registry, config.tenants, config.prices, {
      charged: ['compute', 'storage'],
      counters: config.counters,
    })
    const storage = createStorageMetering(ports, metrics, usage)
    const startedAtMs = ports.clock.nowMs()
    const routes: Route[] = [
      {
        route: 'GET /health',
        handle: async () => ({
          status: 200,
          body: { status: 'ok', uptimeS: Math.floor((ports.clock.nowMs() - startedAtMs) / 1000) },
          bodyBytes: 32,
        }),
      },
    ]
    exposeFromTheStart(metrics, config)
    return {
      routes,
      server: createHttpServer(ports, routes, {
        workers: 4,
        queue: 16,
        queueTimeoutMs: 1_000,
        sampling: config.sampling,
        unbounded: ['GET /health'],
        observer: countRequests(metrics),
      }),
      loops: [
        ...createConsumers(ports, config, metrics, usage),
        createLagMonitor(ports, config, metrics),
        ...createEtl(ports, config, metrics),
        storage.loop,
      ],
      beforeScrape() {
        storage.charge()
        usage.expose()
      },
    }
  },
})

function countRequests(metrics: DataPipelineMetrics): HttpObserver {
  return {
    started() {},
    finished({ context, method, endpoint, status }) {
      metrics.requests.inc({ method, endpoint, status: String(status), tenant_id: context.tenantId })
    },
  }
}

/** Counters that start at 0 let `increase()` see the first failure; a service may be told to leave them unborn. */
function exposeFromTheStart(metrics: DataPipelineMetrics, config: DataPipelineConfig): void {
  if (config.counters === 'lazy') return
  for (const { topic } of config.topics) {
    metrics.consumed.inc({ topic, consumer_group: consumerGroup }, 0)
    for (const error_type of processingErrorTypes) metrics.processingErrors.inc({ topic, error_type }, 0)
  }
  for (const { job, source } of config.etl) {
    metrics.etlProcessed.inc({ job_name: job, source }, 0)
    for (const reason of etlFailureReasons) metrics.etlFailures.inc({ job_name: job, reason }, 0)
  }
}
