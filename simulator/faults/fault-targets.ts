/** Names that faults can be aimed at, and the pieces of schema they share. */
import { z } from 'zod'

export const serviceNames = ['backend-api', 'ml-engine', 'data-pipeline'] as const
export const dependencyNames = ['postgres', 'redis', 'kafka'] as const
export const exporterNames = [
  'postgres-exporter',
  'redis-exporter',
  'node-exporter',
  'cadvisor',
  'loki',
  'jaeger',
  'prometheus',
] as const
export const containerNames = [...serviceNames, ...dependencyNames] as const
export const linkEnds = [...serviceNames, ...dependencyNames, 'postgres-exporter', 'redis-exporter'] as const
export const topicNames = ['interactions', 'item-updates'] as const
export const etlJobNames = ['interactions-rollup', 'item-catalog-sync', 'feature-export'] as const

export const serviceTarget = z.strictObject({ service: z.enum(serviceNames) })
export const containerTarget = z.strictObject({ container: z.enum(containerNames) })
export const linkTarget = z.strictObject({
  from: z.enum(linkEnds).describe('Who calls'),
  to: z.enum(linkEnds).describe('Who is called'),
})
export const tenantTarget = z.strictObject({
  tenant: z.string().optional().describe('Id of a tenant, or its rank by size ("1" is the largest); all when left out'),
})
export const partitionsTarget = z.strictObject({
  service: z.literal('data-pipeline').optional(),
  topic: z.enum(topicNames),
  partitions: z.array(z.number().int().min(0)).min(1).optional().describe('All when left out'),
})

/** The partitions as the tags of a fault point carry them. */
export function partitionTags(partitions: readonly number[] | undefined): readonly string[] | undefined {
  return partitions?.map(String)
}

/** Routes in scenario files: `GET /items/{id}`. */
export const routeSchema = z
  .string()
  .regex(/^(GET|POST|PUT|PATCH|DELETE) \/\S*$/, 'is not a route: write for example "GET /items/{id}"')

/** The routes as the label `endpoint` names them: without the method. */
export function endpointsOf(routes: readonly string[]): readonly string[] {
  return routes.map((route) => route.slice(route.indexOf(' ') + 1))
}
