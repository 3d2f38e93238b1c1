/** Training: one job for each tenant on a schedule, in stages, ending in a deployed model or in a counted failure. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import { InjectedError } from '../runtime/http-server.ts'
import { DependencyError, type Ports, type RequestContext } from '../runtime/ports.ts'
import { createJobContext } from '../runtime/request-context.ts'
import type { LogFields } from '../runtime/telemetry/logging.ts'
import { MLTracer } from '../runtime/telemetry/operation-tracers.ts'
import { runInSpan, type Span } from '../runtime/telemetry/tracing.ts'
import type { Tenant } from '../runtime/tenant.ts'
import type { TenantUsage } from '../runtime/tenant-usage.ts'
import type { MlEngineConfig } from './config.ts'
import { jobStatus, type MlEngineMetrics } from './metrics.ts'
import { type Models, modelName } from './models.ts'

const modelType = 'two_tower'
/** Bytes of one interaction in the extract on disk, and of a model. */
const bytesPerInteraction = 64
const modelBytes = 120_000_000
/** Interactions of a user that go into a data set. */
const interactionsPerUser = 40
/** The processor is kept busy in slices, so that requests get their turn. */
const sliceMs = 500
const iterationMs = 2_000
/** Gap between the pending and the running state: a job waits for its data set to be announced. */
const pendingMs = 2_000

export function createTraining(
  ports: Ports,
  config: MlEngineConfig,
  metrics: MlEngineMetrics,
  models: Models,
  usage: TenantUsage,
): BackgroundLoop[] {
  const { clock, tracer, faults } = ports
  const log = ports.logger.child('training')
  const ids = ports.rng.fork('training/ids')
  const ended: { jobId: string; tenantId: string; untilMs: number }[] = []
  let running = 0

  async function train(tenant: Tenant): Promise<void> {
    const jobId = `train-${tenant.id}-${ids.hex(8)}`
    const labels = { job_id: jobId, tenant_id: tenant.id }
    metrics.jobStatus.set(labels, jobStatus.pending)
    await clock.sleep(pendingMs)

    const startMs = clock.nowMs()
    const size = Math.round(tenant.users * interactionsPerUser * (0.9 + 0.2 * ids.next()))
    const context = createJobContext(ids, { tenantId: tenant.id, sampled: true })
    const training = { model: modelName, datasetSize: size, tenantId: tenant.id }
    const span = new MLTracer(tracer).startTraining(training, context.traceId)
    context.span = span
    const fields: LogFields = { job_id: jobId, model_type: modelType }
    metrics.jobStatus.set(labels, jobStatus.running)
    metrics.datasetSize.set({ tenant_id: tenant.id, job_id: jobId }, size)
    metrics.iterations.inc({ tenant_id: tenant.id, job_id: jobId }, 0)
    log.info('training_started', `training of ${tenant.id} started`, { ...fields, dataset_size: size }, context)
    running += 1
    holdMemory()
    let extractBytes = 0
    try {
      await stage('data_loading', context, async (span) => {
        const pages = 4
        for (let page = 0; page < pages; page += 1) {
          const statement = 'SELECT user_id, item_id, at FROM interactions WHERE tenant_id = $1 AND at > $2'
          const rows = Math.round(size / pages)
          await ports.database.query({ type: 'select', table: 'interactions', statement, rows, weight: 20 }, { span })
          await clock.sleep(config.trainingStages.dataLoading / pages)
        }
        await ports.disk.write('/data/training', size * bytesPerInteraction)
        extractBytes = size * bytesPerInteraction
      })
      await stage('feature_engineering', context, async () => {
        await ports.disk.read('/data/training', extractBytes)
        await keepBusy(tenant, config.trainingStages.featureEngineering, 1)
      })
      await stage('model_training', context, async () => {
        const fault = faults.at('training', { tenant: tenant.id })
        // Most failures show only when part of the work is done.
        const share = fault?.error ? 0.3 : 1
        await keepBusy(tenant, config.trainingStages.modelTraining * share, config.trainingCpus, () =>
          metrics.iterations.inc({ tenant_id: tenant.id, job_id: jobId }),
        )
        if (fault?.error) throw new InjectedError(fault.error.type, fault.error.message, fault.error.reason)
      })
      await stage('model_evaluation', context, async () => {
        await keepBusy(tenant, config.trainingStages.modelEvaluation, 1)
        // The new file replaces the one of the version before.
        await ports.disk.write('/data/models', modelBytes)
        ports.disk.free(modelBytes)
      })
      const seconds = Math.round(clock.nowMs() - startMs) / 1000
      metrics.jobStatus.set(labels, jobStatus.completed)
      metrics.jobsCompleted.inc({ tenant_id: tenant.id, model_type: modelType })
      metrics.jobDuration.observe({ tenant_id: tenant.id, model_type: modelType }, seconds)
      const { version, ndcg } = models.deploy(tenant, startMs)
      log.info('training_completed', `training of ${tenant.id} completed`, { ...fields, duration: seconds }, context)
      log.info(
        'model_deployed',
        `version ${version} of ${tenant.id} deployed`,
        { ...fields, model_name: modelName, model_version: version, ndcg_at_10: ndcg },
        context,
      )
    } catch (error) {
      const reason = reasonOf(error)
      metrics.jobStatus.set(labels, jobStatus.failed)
      metrics.jobsFailed.inc({ tenant_id: tenant.id, reason })
      span.fail(error as Error)
      log.error(
        'training_failed',
        `training of ${tenant.id} failed: ${(error as Error).message}`,
        { ...fields, reason, duration: Math.round(clock.nowMs() - startMs) / 1000 },
        context,
        error as Error,
      )
    }
    span.end()
    running -= 1
    holdMemory()
    ports.disk.free(extractBytes)
    ended.push({ jobId, tenantId: tenant.id, untilMs: clock.nowMs() + config.jobSeriesKept })
  }

  function holdMemory(): void {
    ports.memory.hold('training', running * config.trainingMemory)
  }

  function stage(name: string, context: RequestContext, run: (span: Span | undefined) => Promise<void>): Promise<void> {
    return runInSpan(tracer.startChild(name, context.span), run)
  }

  /** Keeps a number of cores busy for a time, for a tenant. */
  async function keepBusy(tenant: Tenant, ms: number, cpus: number, onIteration?: () => void): Promise<void> {
    let sinceIterationMs = 0
    for (let doneMs = 0; doneMs < ms; doneMs += sliceMs) {
      const partMs = Math.min(sliceMs, ms - doneMs)
      const startMs = clock.nowMs()
      // Part of a core is that part of each slice; the rest of the slice the job waits for memory.
      const whole = Math.floor(cpus)
      const parts = Array.from({ length: whole }, () => ports.cpu.work(partMs))
      if (cpus > whole) parts.push(ports.cpu.work(partMs * (cpus - whole)))
      await Promise.all(parts)
      usage.compute(tenant.id, partMs * cpus)
      const restMs = partMs - (clock.nowMs() - startMs)
      if (restMs > 0) await clock.sleep(restMs)
      sinceIterationMs += partMs
      while (onIteration && sinceIterationMs >= iterationMs) {
        sinceIterationMs -= iterationMs
        onIteration()
      }
    }
  }

  /** Series of a job end some time after the job, or there would be more of them for ever. */
  function forgetEnded(): void {
    const nowMs = clock.nowMs()
    while (ended.length > 0 && ended[0]!.untilMs <= nowMs) {
      const { jobId, tenantId } = ended.shift()!
      metrics.jobStatus.remove({ job_id: jobId, tenant_id: tenantId })
      metrics.datasetSize.remove({ tenant_id: tenantId, job_id: jobId })
      metrics.iterations.remove({ tenant_id: tenantId, job_id: jobId })
    }
  }

  const schedules = config.tenants.map(
    (tenant, i): BackgroundLoop => ({
      name: `training/${tenant.id}`,
      async run() {
        // Staggered over the interval, so that not all tenants train at once.
        await clock.sleep((config.trainingEvery * (i + 0.4)) / config.tenants.length)
        for (;;) {
          const startMs = clock.nowMs()
          await train(tenant)
          await clock.sleep(Math.max(0, config.trainingEvery - (clock.nowMs() - startMs)))
        }
      },
    }),
  )
  const cleaning: BackgroundLoop = {
    name: 'training/forget-ended',
    async run() {
      for (;;) {
        await clock.sleep(5_000)
        forgetEnded()
      }
    },
  }
  return [...schedules, cleaning]
}

function reasonOf(error: unknown): string {
  if (error instanceof InjectedError) return error.reason ?? 'unknown'
  if (error instanceof DependencyError) return error.kind === 'disk-full' ? 'disk_full' : 'dependency_unavailable'
  throw error
}
