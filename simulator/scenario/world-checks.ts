/** Whether what the events are aimed at exists in the world: topics, partitions, jobs, tenants, routes, file systems. */
import { createTenants } from '../workload/tenants.ts'
import type { World } from '../world/world-schema.ts'
import { didYouMean } from './did-you-mean.ts'
import type { PlacedEvent } from './event-times.ts'
import type { Finding } from './problem.ts'

/** Routes that a fault can be aimed at, as the services name them. */
export const routesOfServices: Readonly<Record<string, readonly string[]>> = {
  'backend-api': [
    'GET /recommendations',
    'POST /interactions',
    'GET /items/{id}',
    'GET /usage',
    'POST /token',
    'GET /health',
  ],
  'ml-engine': ['POST /embed', 'POST /recommend', 'POST /search', 'GET /health'],
  'data-pipeline': ['GET /health'],
}

interface Target {
  readonly service?: string
  readonly routes?: readonly string[]
  readonly topic?: string
  readonly partitions?: readonly number[]
  readonly job?: string
  readonly mountpoint?: string
  readonly tenant?: string
  readonly from?: string
  readonly to?: string
}

export function checkTargets(events: readonly PlacedEvent[], world: World): Finding[] {
  return events.flatMap((placed) => checkTarget(placed, world))
}

function checkTarget({ event, path }: PlacedEvent, world: World): Finding[] {
  const target = (event.target ?? {}) as Target
  const findings: Finding[] = []
  const report = (steps: (string | number)[], message: string, hint?: string) => {
    findings.push({ path: [...path, 'target', ...steps], on: 'value', message, hint })
  }
  const known = (key: keyof Target, what: string, names: readonly string[]) => {
    const name = target[key]
    if (typeof name !== 'string' || names.includes(name)) return
    report([key], `the world "${world.world}" has no ${what} "${name}"`, didYouMean(name, names) ?? listed(names))
  }

  known(
    'topic',
    'topic',
    world.dataPipeline.topics.map(({ topic }) => topic),
  )
  known(
    'job',
    'ETL job',
    world.dataPipeline.etl.map(({ job }) => job),
  )
  known(
    'mountpoint',
    'file system',
    world.host.filesystems.map(({ mountpoint }) => mountpoint),
  )
  checkPartitions(target, world, report)
  if (target.routes && target.service) checkRoutes(target.routes, target.service, report)
  if (target.tenant !== undefined) checkTenant(target.tenant, event.fault, world, report)
  if (target.from !== undefined && target.from === target.to) report(['to'], `is where the connection comes from`)
  return findings
}

type Report = (steps: (string | number)[], message: string, hint?: string) => void

function checkPartitions(target: Target, world: World, report: Report): void {
  const topic = world.dataPipeline.topics.find((candidate) => candidate.topic === target.topic)
  if (!topic) return
  for (const [i, partition] of (target.partitions ?? []).entries()) {
    if (partition >= topic.partitions) {
      report(
        ['partitions', i],
        `must be at most ${topic.partitions - 1}, but is ${partition}`,
        `${topic.topic} has ${topic.partitions} partitions`,
      )
    }
    if (target.partitions!.indexOf(partition) !== i) report(['partitions', i], `${partition} stands here twice`)
  }
}

function checkRoutes(routes: readonly string[], service: string, report: Report): void {
  const known = routesOfServices[service] ?? []
  for (const [i, route] of routes.entries()) {
    if (!known.includes(route))
      report(['routes', i], `${service} has no route "${route}"`, didYouMean(route, known) ?? listed(known))
  }
}

function checkTenant(tenant: string, fault: string, world: World, report: Report): void {
  const tenants = createTenants(world)
  const found = tenants.find(({ id, rank }) => id === tenant || String(rank) === tenant)
  if (!found) {
    const hint =
      didYouMean(
        tenant,
        tenants.map(({ id }) => id),
      ) ?? `an id, or a rank from "1" to "${tenants.length}"`
    report(['tenant'], `the world "${world.world}" has no tenant "${tenant}"`, hint)
  } else if (fault.startsWith('traffic.') && found.status === 'suspended') {
    report(['tenant'], `the tenant "${tenant}" is suspended and sends nothing`)
  }
}

function listed(names: readonly string[]): string {
  return `known are ${names.map((name) => `"${name}"`).join(', ')}`
}
