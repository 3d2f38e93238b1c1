/** How many series a drill would make, before it is run: mostly the tenants, times what each of them is counted by. */
import type { World } from '../world/world-schema.ts'

/** Upper bounds of what one of each makes in the telemetry catalogue; histograms count their buckets, sum and count. */
const perTenant = {
  /** http_requests_total: 6 endpoints, about 5 statuses each. */
  requests: 30,
  /** Recommendations: served (3 algorithms), duration (3 x 14), items (10), quality (4). */
  recommendations: 59,
  /** API calls and rate limiting by endpoint (5 each), quota, revenue, status. */
  account: 13,
  /** ML engine: requests (3), training duration (14), completed, failed (4), version deployed, freshness. */
  models: 24,
  /** Ingestion and validation by kind. */
  pipeline: 8,
} as const
/** NDCG, MAP, precision, recall, AUC of each model version. */
const perModelVersion = 5
/** Status, dataset size, iterations of each training job. */
const perTrainingJob = 3
/** Lag and offset. */
const perPartition = 2
/** Processing duration (14), consumed, errors (4). */
const perTopic = 19
/** Duration (14), processed, skipped (2), failures (4), quality (3). */
const perEtlJob = 24
/** CPU seconds by mode. */
const perCpu = 8
/** Sizes and use. */
const perFilesystem = 5
/** Processor time, memory, and their limits. */
const perUnit = 5
/** Containers of the platform, when cAdvisor shows each of their cores. */
const containers = 9
/** Everything that does not grow with the world: processes, exporters, route histograms. */
const fixed = 1_500

/** @returns series over the whole drill, those that end before it included */
export function estimateSeries(world: World, lengthMs: number): number {
  const tenants = world.tenants.reduce((sum, group) => sum + group.count, 0)
  // One model is deployed at the start, one more with each training.
  const trainings = Math.ceil(lengthMs / Math.max(1, world.mlEngine.trainingEvery))
  const eachTenant =
    Object.values(perTenant).reduce((sum, series) => sum + series, 0) +
    (1 + trainings) * perModelVersion +
    trainings * perTrainingJob
  const topics = world.dataPipeline.topics.reduce(
    (sum, { partitions }) => sum + perTopic + partitions * perPartition,
    0,
  )
  return (
    fixed +
    tenants * eachTenant +
    topics +
    world.dataPipeline.etl.length * perEtlJob +
    world.host.cpus * perCpu +
    world.host.filesystems.length * perFilesystem +
    world.host.units.length * perUnit +
    (world.host.eachCore ? (containers + world.host.units.length) * (world.host.cpus - 1) : 0)
  )
}
