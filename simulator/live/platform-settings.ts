/** The settings of a whole live platform: what the services are told, and the world behind infrastructure and traffic. */
import type { LiveSettings, TelemetrySettings } from '../../services/runtime/live/settings.ts'
import { serviceNames } from '../faults/fault-targets.ts'
import type { LoadStage } from '../scenario/scenario.ts'
import { createTenants } from '../workload/tenants.ts'
import { containersOf, serviceConfigs } from '../world/platform-models.ts'
import type { World } from '../world/world-schema.ts'
import { type PartName, processOf } from './agent/part-orders.ts'
import type { AgentAddresses } from './agent/remote-parts.ts'

export interface PlatformSettings extends LiveSettings {
  readonly world: World
  readonly load: readonly LoadStage[]
  /** Unix time of the start of the scenario, for the curve of the day, milliseconds. */
  readonly startMs: number
  /** Servers that the infrastructure process stands in for because no real one is there. */
  readonly standIns: readonly ('loki' | 'jaeger')[]
}

export interface PlatformPlan {
  readonly world: World
  readonly seed: number
  readonly load: readonly LoadStage[]
  readonly startMs: number
  readonly speed: number
  readonly epochMs: number
  readonly addresses: Readonly<Record<string, string>>
  readonly control: LiveSettings['control']
  readonly listenHost?: string | undefined
  readonly telemetry: TelemetrySettings
  readonly kafkaBrokers: readonly string[] | undefined
  readonly standIns: PlatformSettings['standIns']
}

export function platformSettings(plan: PlatformPlan): PlatformSettings {
  const { world } = plan
  const tenants = createTenants(world)
  return {
    format: 1,
    ...plan,
    services: serviceConfigs(world, tenants),
    containers: containersOf(world),
    memoryPerRequest: {
      'backend-api': world.backendApi.container.memoryPerRequest,
      'ml-engine': world.mlEngine.container.memoryPerRequest,
      'data-pipeline': world.dataPipeline.container.memoryPerRequest,
    },
    databasePool: { size: world.backendApi.databasePool, waitMs: world.backendApi.databaseTimeout },
  }
}

/** Name of the process that a part is in: the models of servers, and their exporters, are one. */
function processOfPart(part: string): string {
  if ((serviceNames as readonly string[]).includes(part)) return part
  return ['prometheus', 'alertmanager', 'control'].includes(part) ? part : 'infrastructure'
}

/** @returns `host:port` where others find the part: where its agent is, or on this machine */
export function addressOfPart(
  part: string,
  ports: Readonly<Record<string, number>>,
  agents: AgentAddresses | undefined,
): string {
  const process = processOfPart(part)
  const agent = agents && Object.entries(agents).find(([name]) => processOf(name as PartName) === process)?.[1]
  const host = agent === undefined ? '127.0.0.1' : agent.slice(0, agent.lastIndexOf(':'))
  return `${host}:${ports[part]}`
}

/** Every port that the documents name, on this machine. `host` is the infrastructure's own, for disks and reports. */
export const documentedPorts: Readonly<Record<string, number>> = {
  'backend-api': 8000,
  'ml-engine': 8001,
  'data-pipeline': 8002,
  postgres: 5432,
  redis: 6379,
  kafka: 9092,
  host: 8090,
  'postgres-exporter': 9187,
  'redis-exporter': 9121,
  'node-exporter': 9100,
  cadvisor: 8080,
  loki: 3100,
  jaeger: 8888,
  prometheus: 9090,
  alertmanager: 9093,
  control: 8095,
}
