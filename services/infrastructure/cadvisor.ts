/**
 * What cAdvisor shows of the containers, and of the host's other control groups, which have no name and no image. A memory
 * limit of 0 means that there is no limit.
 */
import { createHash } from 'node:crypto'
import type { ContainerFacts } from './container.ts'
import { counter, type ExposedMetric, type ExposedSample, gauge } from './exposition.ts'
import type { Host } from './host.ts'

/** Microseconds: the scheduler's period in which a container may use its quota. */
const cpuPeriodUs = 100_000

export interface CadvisorFacts {
  readonly host: Host
  /** Processor time in a series for each core, as under control groups v1 with `--enable_metrics=percpu`; else in one. */
  readonly eachCore: boolean
}

/** A control group: a container, or a unit of the host. */
interface Group {
  readonly labels: Readonly<Record<string, string>>
  readonly cpus: number
  readonly memoryLimitBytes: number
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

export function cadvisorMetrics({ host, eachCore }: CadvisorFacts): ExposedMetric[] {
  const { containers } = host
  const groups = groupsOf(host)
  const all = (read: (container: ContainerFacts) => number): ExposedSample[] =>
    containers.map((container) => ({ labels: labelsOf(container), value: read(container) }))
  const ofGroups = (some: readonly Group[], read: (group: Group) => number): ExposedSample[] =>
    some.map((group) => ({ labels: group.labels, value: read(group) }))
  const limited = groups.filter(isCpuLimited)
  const withCpu = ofGroups(groups, (group) => group.cpuSeconds).flatMap((sample) => byCpu(sample, host, eachCore))
  const withInterface = (samples: ExposedSample[]) =>
    samples.map(({ labels, value }) => ({ labels: { ...labels, interface: 'eth0' }, value }))
  return [
    counter('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', ...withCpu),
    gauge(
      'container_spec_cpu_quota',
      'CPU quota of the container.',
      ...ofGroups(limited, (group) => group.cpus * cpuPeriodUs),
    ),
    gauge('container_spec_cpu_period', 'CPU period of the container.', ...ofGroups(limited, () => cpuPeriodUs)),
    gauge(
      'container_memory_usage_bytes',
      'Current memory usage in bytes, including all memory regardless of when it was accessed',
      ...ofGroups(groups, (group) => group.memoryBytes),
    ),
    gauge(
      'container_spec_memory_limit_bytes',
      'Memory limit for the container.',
      ...ofGroups(groups, (group) => group.memoryLimitBytes),
    ),
    counter(
      'container_fs_reads_bytes_total',
      'Cumulative count of bytes read',
      ...all((container) => container.diskReadBytes),
    ),
    counter(
      'container_fs_writes_bytes_total',
      'Cumulative count of bytes written',
      ...all((container) => container.diskWrittenBytes),
    ),
    counter(
      'container_network_receive_bytes_total',
      'Cumulative count of bytes received',
      ...withInterface(all((container) => container.networkReceivedBytes)),
    ),
    counter(
      'container_network_transmit_bytes_total',
      'Cumulative count of bytes transmitted',
      ...withInterface(all((container) => container.networkSentBytes)),
    ),
  ]
}

function groupsOf({ containers, units }: Host): Group[] {
  return [
    ...containers.map((container) => {
      const { cpus, memoryLimitBytes } = container.options
      const { cpuSeconds, memoryBytes } = container
      return { labels: labelsOf(container), cpus, memoryLimitBytes, cpuSeconds, memoryBytes }
    }),
    ...units.map(({ options: { unit, cpus, memoryLimitBytes }, cpuSeconds, memoryBytes }) => ({
      labels: { id: `/system.slice/${unit}` },
      cpus,
      memoryLimitBytes,
      cpuSeconds,
      memoryBytes,
    })),
  ]
}

/** Work moves between the cores, so each has the same share of it. */
function byCpu({ labels, value }: ExposedSample, { cpus }: Host, eachCore: boolean): ExposedSample[] {
  if (!eachCore) return [{ labels: { ...labels, cpu: 'total' }, value }]
  return Array.from({ length: cpus }, (_, i) => ({
    labels: { ...labels, cpu: `cpu${String(i).padStart(2, '0')}` },
    value: value / cpus,
  }))
}

function labelsOf(container: ContainerFacts): Record<string, string> {
  const { name, image } = container.options
  return { id: `/docker/${containerId(name)}`, image, name, container_name: name }
}

const ids = new Map<string, string>()

/** Containers of the same name have the same id in every run. */
function containerId(name: string): string {
  let id = ids.get(name)
  if (id === undefined) {
    id = createHash('sha256').update(name).digest('hex').slice(0, 12)
    ids.set(name, id)
  }
  return id
}

function isCpuLimited({ cpus, memoryLimitBytes }: Group): boolean {
  return Number.isFinite(cpus) && memoryLimitBytes > 0
}
