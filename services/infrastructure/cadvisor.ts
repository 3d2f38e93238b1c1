/** What cAdvisor shows of the containers. A memory limit of 0 means that there is no limit. */
import { createHash } from 'node:crypto'
import type { ContainerFacts } from './container.ts'
import { counter, type ExposedMetric, type ExposedSample, gauge } from './exposition.ts'

/** Microseconds: the scheduler's period in which a container may use its quota. */
const cpuPeriodUs = 100_000

export function cadvisorMetrics(containers: readonly ContainerFacts[]): ExposedMetric[] {
  const all = (read: (container: ContainerFacts) => number): ExposedSample[] =>
    containers.map((container) => ({ labels: labelsOf(container), value: read(container) }))
  const limited = (read: (container: ContainerFacts) => number): ExposedSample[] =>
    containers.filter(isCpuLimited).map((container) => ({ labels: labelsOf(container), value: read(container) }))
  const withCpu = all((container) => container.cpuSeconds).map(({ labels, value }) => ({
    labels: { ...labels, cpu: 'total' },
    value,
  }))
  const withInterface = (samples: ExposedSample[]) =>
    samples.map(({ labels, value }) => ({ labels: { ...labels, interface: 'eth0' }, value }))
  return [
    counter('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', ...withCpu),
    gauge(
      'container_spec_cpu_quota',
      'CPU quota of the container.',
      ...limited((container) => container.options.cpus * cpuPeriodUs),
    ),
    gauge('container_spec_cpu_period', 'CPU period of the container.', ...limited(() => cpuPeriodUs)),
    gauge(
      'container_memory_usage_bytes',
      'Current memory usage in bytes, including all memory regardless of when it was accessed',
      ...all((container) => container.memoryBytes),
    ),
    gauge(
      'container_spec_memory_limit_bytes',
      'Memory limit for the container.',
      ...all((container) => container.options.memoryLimitBytes),
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

function isCpuLimited(container: ContainerFacts): boolean {
  return Number.isFinite(container.options.cpus) && container.options.memoryLimitBytes > 0
}
