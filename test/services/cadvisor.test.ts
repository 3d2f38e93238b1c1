/** Control groups as cAdvisor and node_exporter show them: containers by name, units of the host without one. */
import { beforeEach, expect, test } from 'vitest'
import { cadvisorMetrics } from '../../services/infrastructure/cadvisor.ts'
import { Container } from '../../services/infrastructure/container.ts'
import type { ExposedSample } from '../../services/infrastructure/exposition.ts'
import { Host } from '../../services/infrastructure/host.ts'
import { HostUnit } from '../../services/infrastructure/host-unit.ts'
import { nodeMetrics } from '../../services/infrastructure/node-exporter.ts'

const mib = 1024 ** 2
let nowMs: number
let host: Host

beforeEach(() => {
  nowMs = 0
  const clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() }
  const unit = { unit: 'backup.service', cpus: 0.5, memoryLimitBytes: 512 * mib, cpuShare: 0.9, memoryShare: 0.75 }
  const options = { name: 'api', image: 'api:1', cpus: 2, memoryLimitBytes: 1024 * mib, memoryBaseBytes: 100 * mib }
  host = new Host({
    cpus: 4,
    memoryBytes: 8192 * mib,
    filesystems: [],
    containers: [new Container(options, clock)],
    units: [new HostUnit(unit, clock)],
  })
  nowMs = 100_000
})

function shown(metric: string, eachCore = false): readonly ExposedSample[] {
  return cadvisorMetrics({ host, eachCore }).find(({ name }) => name === metric)!.samples
}

const id = '/system.slice/backup.service'

test('a unit of the host has an id, limits and what it uses, and neither name nor image', () => {
  const ofUnit = (metric: string) => shown(metric).filter(({ labels }) => labels.name === undefined)
  expect(ofUnit('container_memory_usage_bytes')).toEqual([{ labels: { id }, value: 384 * mib }])
  expect(ofUnit('container_spec_memory_limit_bytes')).toEqual([{ labels: { id }, value: 512 * mib }])
  expect(ofUnit('container_spec_cpu_quota')).toEqual([{ labels: { id }, value: 50_000 }])
  expect(ofUnit('container_cpu_usage_seconds_total')).toEqual([{ labels: { id, cpu: 'total' }, value: 45 }])
})

test('core by core, the series of a control group add up to what it used', () => {
  const cores = shown('container_cpu_usage_seconds_total', true).filter(({ labels }) => labels.id === id)
  expect(cores.map(({ labels }) => labels.cpu)).toEqual(['cpu00', 'cpu01', 'cpu02', 'cpu03'])
  expect(cores.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(45)
})

test('the host is as busy as its containers and units together', () => {
  const metrics = nodeMetrics({ host, uptimeS: 100, bootTimeS: 0, disk: 'sda', networkDevice: 'eth0' })
  const cpu = metrics.find(({ name }) => name === 'node_cpu_seconds_total')!.samples
  const busy = cpu.filter(({ labels }) => !['idle', 'iowait'].includes(labels.mode!))
  expect(busy.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(45)
  const available = metrics.find(({ name }) => name === 'node_memory_MemAvailable_bytes')!.samples[0]!.value
  expect(host.memoryBytes - available).toBeGreaterThan((100 + 384) * mib)
})
