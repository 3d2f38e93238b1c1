/** What node_exporter shows of the host: the sum of what its containers and units do. */
import { counter, type ExposedMetric, type ExposedSample, gauge } from './exposition.ts'
import type { Host } from './host.ts'

/** How a second of processor time divides between user code and the kernel, for services that mostly compute. */
const modeShares = { user: 0.82, system: 0.16, softirq: 0.02 } as const
/** Time the disk needs for one operation, seconds: a processor that has nothing else to do waits for it. */
const diskOperationS = 0.0002
/** What the kernel and the host's own services hold, bytes. */
const hostMemoryBytes = 1_200_000_000

export interface NodeFacts {
  readonly host: Host
  readonly uptimeS: number
  readonly bootTimeS: number
  readonly disk: string
  readonly networkDevice: string
}

export function nodeMetrics({ host, uptimeS, bootTimeS, disk, networkDevice }: NodeFacts): ExposedMetric[] {
  const sum = (read: (container: Host['containers'][number]) => number) =>
    host.containers.reduce((total, container) => total + read(container), 0)
  const ofUnits = (read: (unit: Host['units'][number]) => number) =>
    host.units.reduce((total, unit) => total + read(unit), 0)
  const memoryBytes = hostMemoryBytes + sum((container) => container.memoryBytes) + ofUnits((unit) => unit.memoryBytes)
  const filesystems = (read: (filesystem: Host['filesystems'][number]) => number): ExposedSample[] =>
    host.filesystems.map((filesystem) => ({
      labels: {
        device: filesystem.options.device,
        fstype: filesystem.options.fstype,
        mountpoint: filesystem.options.mountpoint,
      },
      value: read(filesystem),
    }))
  const onDisk = (value: number): ExposedSample => ({ labels: { device: disk }, value })
  const onNetwork = (value: number): ExposedSample => ({ labels: { device: networkDevice }, value })
  return [
    counter(
      'node_cpu_seconds_total',
      'Seconds the CPUs spent in each mode.',
      ...cpuSamples(host, uptimeS, sum((container) => container.cpuSeconds) + ofUnits((unit) => unit.cpuSeconds)),
    ),
    gauge('node_memory_MemTotal_bytes', 'Memory information field MemTotal_bytes.', host.memoryBytes),
    gauge(
      'node_memory_MemAvailable_bytes',
      'Memory information field MemAvailable_bytes.',
      Math.max(0, host.memoryBytes - memoryBytes),
    ),
    gauge(
      'node_filesystem_size_bytes',
      'Filesystem size in bytes.',
      ...filesystems((filesystem) => filesystem.options.sizeBytes),
    ),
    gauge(
      'node_filesystem_free_bytes',
      'Filesystem free space in bytes.',
      ...filesystems((filesystem) => filesystem.freeBytes),
    ),
    gauge(
      'node_filesystem_avail_bytes',
      'Filesystem space available to non-root users in bytes.',
      ...filesystems((filesystem) => filesystem.availableBytes),
    ),
    counter('node_disk_read_bytes_total', 'The total number of bytes read successfully.', onDisk(host.diskReadBytes)),
    counter(
      'node_disk_written_bytes_total',
      'The total number of bytes written successfully.',
      onDisk(host.diskWrittenBytes),
    ),
    counter(
      'node_disk_reads_completed_total',
      'The total number of reads completed successfully.',
      onDisk(host.diskReads),
    ),
    counter(
      'node_disk_writes_completed_total',
      'The total number of writes completed successfully.',
      onDisk(host.diskWrites),
    ),
    counter(
      'node_network_receive_bytes_total',
      'Network device statistic receive_bytes.',
      onNetwork(sum((container) => container.networkReceivedBytes)),
    ),
    counter(
      'node_network_transmit_bytes_total',
      'Network device statistic transmit_bytes.',
      onNetwork(sum((container) => container.networkSentBytes)),
    ),
    gauge('node_boot_time_seconds', 'Node boot time, in unixtime.', bootTimeS),
  ]
}

/** Work moves between the processors, so each has the same share of it. */
function cpuSamples(host: Host, uptimeS: number, busySeconds: number): ExposedSample[] {
  const busyPerCpu = busySeconds / host.cpus
  const waitPerCpu = Math.min(uptimeS - busyPerCpu, ((host.diskReads + host.diskWrites) * diskOperationS) / host.cpus)
  const samples: ExposedSample[] = []
  for (let cpu = 0; cpu < host.cpus; cpu += 1) {
    const add = (mode: string, value: number) =>
      samples.push({ labels: { cpu: String(cpu), mode }, value: Math.max(0, value) })
    for (const [mode, share] of Object.entries(modeShares)) add(mode, busyPerCpu * share)
    add('iowait', waitPerCpu)
    add('idle', uptimeS - busyPerCpu - waitPerCpu)
  }
  return samples
}
