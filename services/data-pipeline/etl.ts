/** ETL jobs: each on its schedule, extract, transform, load; a run that fails is counted, logged and traced. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import { InjectedError } from '../runtime/http-server.ts'
import { DependencyError, type Ports, type RequestContext } from '../runtime/ports.ts'
import { createJobContext } from '../runtime/request-context.ts'
import { runInSpan, type Span } from '../runtime/telemetry/tracing.ts'
import type { DataPipelineConfig, EtlConfig } from './config.ts'
import type { DataPipelineMetrics } from './metrics.ts'

const bytesPerRecord = 400
const sliceMs = 1_000
const skipReasons = ['duplicate', 'incomplete'] as const

export function createEtl(ports: Ports, config: DataPipelineConfig, metrics: DataPipelineMetrics): BackgroundLoop[] {
  return config.etl.map((job, i) => ({
    name: `etl/${job.job}`,
    async run() {
      const run = createRun(ports, metrics, job)
      // Staggered, so that the jobs do not load the database at the same time.
      await ports.clock.sleep((job.every * (i + 0.5)) / config.etl.length)
      for (;;) {
        const startMs = ports.clock.nowMs()
        await run()
        await ports.clock.sleep(Math.max(0, job.every - (ports.clock.nowMs() - startMs)))
      }
    },
  }))
}

function createRun(ports: Ports, metrics: DataPipelineMetrics, job: EtlConfig): () => Promise<void> {
  const { clock, tracer, faults } = ports
  const log = ports.logger.child('etl')
  const rng = ports.rng.fork(`etl/${job.job}`)
  const ids = rng.fork('ids')
  let successAtMs = clock.nowMs()

  function stage(name: string, context: RequestContext, run: (span: Span | undefined) => Promise<void>): Promise<void> {
    return runInSpan(tracer.startChild(name, context.span), run)
  }

  /** Works for a time, half of it on the processor. */
  async function work(ms: number): Promise<void> {
    for (let doneMs = 0; doneMs < ms; doneMs += sliceMs) {
      const partMs = Math.min(sliceMs, ms - doneMs)
      const startMs = clock.nowMs()
      await ports.cpu.work(partMs / 2)
      const restMs = partMs - (clock.nowMs() - startMs)
      if (restMs > 0) await clock.sleep(restMs)
    }
  }

  function exposeQuality(records: number, skipped: number): void {
    const overdueMs = Math.max(0, clock.nowMs() - successAtMs - job.every)
    metrics.etlQuality.set({ job_name: job.job, metric: 'completeness' }, ratio(records - skipped, records))
    // 1 while the job succeeds on its schedule, less the longer its data has not been renewed.
    metrics.etlQuality.set({ job_name: job.job, metric: 'freshness' }, ratio(job.every, job.every + overdueMs))
  }

  return async () => {
    const startMs = clock.nowMs()
    const context = createJobContext(ids, { tenantId: 'none', sampled: true })
    const span = tracer.startRoot(`etl.${job.job}`, context.traceId, {
      attributes: { 'etl.job': job.job, 'etl.source': job.source },
    })
    context.span = span
    const records = Math.round(job.records * (0.9 + 0.2 * rng.next()))
    const skipped = Math.round(records * job.skipped * (0.5 + rng.next()))
    log.info('etl_started', `${job.job} started`, { job_name: job.job, source: job.source }, context)
    let extractBytes = 0
    try {
      await stage('extract', context, async (span) => {
        await ports.database.query(
          {
            type: 'select',
            table: job.source,
            statement: `SELECT * FROM ${job.source.replaceAll('-', '_')} WHERE updated_at > $1`,
            rows: records,
            weight: 30,
          },
          { span },
        )
        await clock.sleep(job.extract)
        await ports.disk.write('/data/etl', records * bytesPerRecord)
        extractBytes = records * bytesPerRecord
      })
      await stage('transform', context, async () => {
        const fault = faults.at('etl', { job: job.job })
        if (fault?.error) {
          await work(job.transform * 0.2)
          throw new InjectedError(fault.error.type, fault.error.message, fault.error.reason)
        }
        await ports.disk.read('/data/etl', extractBytes)
        await work(job.transform)
      })
      await stage('load', context, async (span) => {
        await clock.sleep(job.load)
        await ports.database.query(
          {
            type: 'update',
            table: `${job.job}_result`,
            statement: `MERGE INTO ${job.job.replaceAll('-', '_')}_result USING staged ON id = staged.id`,
            rows: records - skipped,
            weight: 30,
          },
          { span },
        )
        // What is out of date goes in the same transaction.
        await ports.database.query(
          {
            type: 'delete',
            table: `${job.job}_result`,
            statement: `DELETE FROM ${job.job.replaceAll('-', '_')}_result WHERE expires_at < now()`,
            rows: skipped,
            weight: 3,
          },
          { span },
        )
      })
      successAtMs = clock.nowMs()
      metrics.etlProcessed.inc({ job_name: job.job, source: job.source }, records - skipped)
      const duplicates = Math.floor(skipped * 0.7)
      metrics.etlSkipped.inc({ job_name: job.job, reason: skipReasons[0] }, duplicates)
      metrics.etlSkipped.inc({ job_name: job.job, reason: skipReasons[1] }, skipped - duplicates)
      exposeQuality(records, skipped)
      log.info(
        'etl_completed',
        `${job.job} completed`,
        { job_name: job.job, records: records - skipped, skipped, duration: seconds(clock.nowMs() - startMs) },
        context,
      )
    } catch (error) {
      const reason = reasonOf(error)
      metrics.etlFailures.inc({ job_name: job.job, reason })
      exposeQuality(records, records)
      span.fail(error as Error)
      log.error(
        'etl_failed',
        `${job.job} failed: ${(error as Error).message}`,
        { job_name: job.job, reason, duration: seconds(clock.nowMs() - startMs) },
        context,
        error as Error,
      )
    }
    span.end()
    ports.disk.free(extractBytes)
    metrics.etlDuration.observe({ job_name: job.job }, seconds(clock.nowMs() - startMs))
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof InjectedError) return error.reason ?? 'unknown'
  if (error instanceof DependencyError) {
    if (error.kind === 'disk-full') return 'disk_full'
    return error.kind === 'timeout' ? 'timeout' : 'source_unavailable'
  }
  throw error
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 10_000) / 10_000 : 1
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000
}
