/**
 * The world file: what is simulated when nothing is broken. Services with their capacity, tenants of different size,
 * latency profiles, event volumes and limits. The schema is the only place where its shape is declared.
 */
import { z } from 'zod'
import {
  bytesSchema,
  countSchema,
  durationSchema,
  latencySchema,
  positiveSchema,
  ratioSchema,
} from '../../services/runtime/schema-types.ts'

const containerSchema = z.strictObject({
  cpus: positiveSchema.describe('CPU limit of the container, in cores'),
  memory: bytesSchema.describe('Memory limit of the container'),
  memoryBase: bytesSchema.describe('What the process holds when it is idle'),
  memoryPerRequest: bytesSchema.describe('What one request in progress holds'),
  image: z.string(),
})

const serverSchema = z.strictObject({
  workers: countSchema.describe('Requests worked on at the same time'),
  queue: countSchema.describe('Requests that may wait for a worker; further ones are answered 503'),
  queueTimeout: durationSchema.describe('A request that waited this long for a worker is answered 503'),
})

const priceSchema = z.number().min(0).max(1_000_000)

const tenantGroupSchema = z.strictObject({
  plan: z.string().describe('Name of the plan, for example enterprise'),
  count: countSchema,
  weight: positiveSchema.describe('Share of the load of one such tenant, relative to the others'),
  users: countSchema,
  items: countSchema,
  requestsPerSecond: positiveSchema.describe('Rate limit of one tenant: refill of its token bucket'),
  burst: countSchema.describe('Size of the token bucket'),
  status: z.enum(['active', 'trial', 'suspended']).default('active'),
  quality: ratioSchema.describe('Quality of a freshly trained model (NDCG@10)'),
})

const journeySchema = z.strictObject({
  name: z.string(),
  weight: positiveSchema,
  think: latencySchema.describe('Time between two calls of the journey'),
  calls: z.array(z.enum(['token', 'recommendations', 'item', 'interactions', 'usage'])).min(1),
})

export const worldSchema = z.strictObject({
  format: z.literal(1),
  world: z.string().describe('Name of the world'),
  title: z.string(),
  counters: z
    .strictObject({
      'backend-api': z.enum(['lazy', 'eager']).default('eager'),
      'ml-engine': z.enum(['lazy', 'eager']).default('eager'),
      'data-pipeline': z.enum(['lazy', 'eager']).default('eager'),
    })
    .describe('Whether error counters are exposed at 0 from the start (eager) or are born at their first count (lazy)'),
  sampling: ratioSchema.describe('Share of requests that are traced and access-logged; failures are always logged'),
  tenants: z.array(tenantGroupSchema).min(1),
  journeys: z.array(journeySchema).min(1),
  healthChecks: z
    .strictObject({ every: durationSchema })
    .describe('The load balancer asks each service for its health'),
  wrongTokens: ratioSchema.describe('Share of requests that come with a token nobody issued'),
  network: z.strictObject({
    latency: latencySchema.describe('One way, between any two parts'),
    refusedAfter: durationSchema.describe('How long a connection to a dead process takes to fail'),
  }),
  backendApi: z.strictObject({
    container: containerSchema,
    server: serverSchema,
    cpuPerRequest: durationSchema,
    mlTimeout: durationSchema,
    mlRetries: z.number().int().min(0).max(5),
    databasePool: countSchema,
    databaseTimeout: durationSchema.describe('Longest wait for a connection of the pool'),
    recommendationTtl: durationSchema.describe('How long a recommendation list is kept in the cache'),
    recommendationBytes: bytesSchema,
    itemTtl: durationSchema,
    itemBytes: bytesSchema,
    sessionTtl: durationSchema,
    eventsPerInteraction: z
      .tuple([countSchema, countSchema])
      .describe('Clickstream events in one interactions call, least and most'),
    revenuePerThousand: positiveSchema.describe('USD per thousand recommendations (mock)'),
  }),
  mlEngine: z.strictObject({
    container: containerSchema,
    server: serverSchema,
    inference: latencySchema,
    embedding: latencySchema,
    search: latencySchema,
    cpuShare: ratioSchema.describe('Share of those times that is CPU work'),
    embeddingCacheEntries: countSchema,
    embeddingBytes: bytesSchema,
    refreshEvery: durationSchema.describe('The embedding cache refresh job'),
    refreshTakes: durationSchema,
    trainingEvery: durationSchema.describe('Each tenant trains a model this often, staggered'),
    trainingStages: z.strictObject({
      dataLoading: durationSchema,
      featureEngineering: durationSchema,
      modelTraining: durationSchema,
      modelEvaluation: durationSchema,
    }),
    trainingCpus: positiveSchema.describe('Cores that a training job keeps busy during model_training'),
    trainingMemory: bytesSchema,
    jobSeriesKept: durationSchema.describe('How long the series of a finished job are still exposed'),
  }),
  dataPipeline: z.strictObject({
    container: containerSchema,
    topics: z
      .array(
        z.strictObject({
          topic: z.string(),
          partitions: countSchema,
          messagesPerSecond: positiveSchema.describe('What one consumer of one partition can process'),
          rejected: ratioSchema.describe('Share of messages that fail validation'),
          sourceEventsPerSecond: z
            .number()
            .min(0)
            .default(0)
            .describe('Events of other producers, per second, all partitions'),
        }),
      )
      .min(1),
    pollMessagesMax: countSchema,
    pollEvery: durationSchema.describe('Pause of an idle consumer'),
    etl: z
      .array(
        z.strictObject({
          job: z.string(),
          every: durationSchema,
          source: z.string(),
          records: countSchema,
          skipped: ratioSchema,
          extract: durationSchema,
          transform: durationSchema,
          load: durationSchema,
        }),
      )
      .min(1),
  }),
  postgres: z.strictObject({
    container: containerSchema,
    connectionsMax: countSchema,
    query: latencySchema,
    cpuPerQuery: durationSchema,
    databaseBytes: bytesSchema,
    rowBytes: bytesSchema,
  }),
  redis: z.strictObject({
    container: containerSchema,
    operation: latencySchema,
    cpuPerCommand: durationSchema,
    memoryMax: bytesSchema.describe('maxmemory: the least recently used keys go when it is passed'),
    warm: ratioSchema.describe('Share of the users whose recommendations are in the cache at the start'),
  }),
  kafka: z.strictObject({
    container: containerSchema,
    publish: latencySchema,
    cpuPerMessage: durationSchema,
    retained: durationSchema,
  }),
  prices: z
    .strictObject({
      computePerCoreHour: priceSchema.default(0.045).describe('USD for an hour of one core'),
      storagePerGibMonth: priceSchema.default(0.12).describe('USD for keeping a GiB for a month'),
      requestsPerThousand: priceSchema.default(0.002).describe('USD for a thousand calls of the API'),
    })
    .prefault({})
    .describe('What tenants are charged for what they use: tenant_cost_usd_total'),
  host: z.strictObject({
    cpus: countSchema,
    memory: bytesSchema,
    filesystems: z
      .array(
        z.strictObject({
          device: z.string(),
          mountpoint: z.string(),
          fstype: z.string(),
          size: bytesSchema,
          used: bytesSchema.describe('Used by what is not simulated'),
        }),
      )
      .min(1),
    units: z
      .array(
        z.strictObject({
          unit: z.string().min(1).describe('Name of the unit, for example backup.service'),
          cpus: positiveSchema.describe('CPU limit (CPUQuota), in cores'),
          memory: bytesSchema.describe('Memory limit (MemoryMax)'),
          cpuShare: ratioSchema.describe('Share of the CPU limit that it uses all the time'),
          memoryShare: ratioSchema.describe('Share of the memory limit that it holds, page cache included'),
        }),
      )
      .default([])
      .describe('Control groups that are no containers: cAdvisor shows them without a name'),
    eachCore: z
      .boolean()
      .default(false)
      .describe('cAdvisor shows processor time core by core (control groups v1, percpu) instead of as one sum'),
    disk: z.string().describe('Device of the disk, for example sda'),
    networkDevice: z.string(),
  }),
})

/** A validated world, durations in milliseconds and sizes in bytes. */
export type World = z.infer<typeof worldSchema>
