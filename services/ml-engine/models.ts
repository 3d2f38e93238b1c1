/** The deployed models: a version for each tenant, and how good it is on recent interactions. */
import type { Ports } from '../runtime/ports.ts'
import type { Tenant } from '../runtime/tenant.ts'
import type { MlEngineMetrics } from './metrics.ts'

export const modelName = 'two-tower'
/** How long the quality of a replaced version is still exposed, milliseconds. */
const replacedKeptMs = 600_000

interface Model {
  readonly version: number
  /** NDCG@10 at training time. */
  readonly quality: number
  /** Of the newest interaction that it was trained on. */
  readonly dataUntilMs: number
}

export type Models = ReturnType<typeof createModels>

export function createModels(ports: Ports, metrics: MlEngineMetrics, tenants: readonly Tenant[]) {
  const { clock, faults } = ports
  const noise = ports.rng.fork('models/noise')
  const startMs = clock.nowMs()
  const deployed = new Map<string, Model>()
  const replaced: { tenantId: string; version: number; untilMs: number }[] = []

  for (const tenant of tenants) {
    // The platform has been running before this process: it loads the models that were deployed last.
    const model = { version: 1, quality: trainedQuality(tenant, 1), dataUntilMs: startMs - noise.int(6 * 3_600_000) }
    deployed.set(tenant.id, model)
    metrics.versionDeployed.set({ tenant_id: tenant.id, model_name: modelName }, model.version)
  }

  function trainedQuality(tenant: Tenant, effect: number): number {
    return tenant.quality * effect * (0.97 + 0.06 * noise.next())
  }

  /** What remains of a tenant's quality while its data drifts. */
  const driftOf = (tenantId: string) => faults.at('model-quality', { tenant: tenantId })?.quality ?? 1

  return {
    versionOf: (tenantId: string): number => deployed.get(tenantId)?.version ?? 0,

    /** Deploys a newly trained version. @returns its number and its quality */
    deploy(tenant: Tenant, dataUntilMs: number): { version: number; ndcg: number } {
      const previous = deployed.get(tenant.id)!
      const model = { version: previous.version + 1, quality: trainedQuality(tenant, 1), dataUntilMs }
      deployed.set(tenant.id, model)
      replaced.push({ tenantId: tenant.id, version: previous.version, untilMs: clock.nowMs() + replacedKeptMs })
      metrics.versionDeployed.set({ tenant_id: tenant.id, model_name: modelName }, model.version)
      return { version: model.version, ndcg: rounded(model.quality * driftOf(tenant.id)) }
    },

    expose(): void {
      const nowMs = clock.nowMs()
      for (const [tenantId, { version, quality, dataUntilMs }] of deployed) {
        const labels = { tenant_id: tenantId, model_version: `v${version}` }
        const ndcg = quality * driftOf(tenantId)
        metrics.ndcg.set(labels, rounded(ndcg))
        // The measures move together: they look at the same lists.
        metrics.map.set(labels, rounded(ndcg * 0.8))
        metrics.precision.set(labels, rounded(ndcg * 0.7))
        metrics.recall.set(labels, rounded(ndcg * 0.55))
        metrics.auc.set(labels, rounded(0.5 + ndcg * 0.85))
        metrics.dataFreshness.set({ tenant_id: tenantId }, rounded((nowMs - dataUntilMs) / 3_600_000))
      }
      while (replaced.length > 0 && replaced[0]!.untilMs <= nowMs) {
        const { tenantId, version } = replaced.shift()!
        const labels = { tenant_id: tenantId, model_version: `v${version}` }
        for (const quality of [metrics.ndcg, metrics.map, metrics.precision, metrics.recall, metrics.auc]) {
          quality.remove(labels)
        }
      }
    },
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
