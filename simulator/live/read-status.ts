/** Asks the parts of a running platform how they are, for the status screen. */
import { serviceNames } from '../faults/fault-targets.ts'
import { type ExposedValue, readSamples } from './exposition-reader.ts'
import type { LivePlatform } from './live-platform.ts'
import type { AlertStatus, LoadStatus, PartStatus } from './status-screen.ts'

/** Parts that show /metrics. */
const exporters = ['postgres-exporter', 'redis-exporter', 'node-exporter', 'cadvisor', 'loki', 'jaeger'] as const

interface Counts {
  readonly atMs: number
  readonly requests: number
  readonly failed: number
  readonly buckets: ReadonlyMap<number, number>
}

export interface StatusReading {
  readonly parts: readonly PartStatus[]
  readonly load: LoadStatus | undefined
  readonly alerts: readonly AlertStatus[] | undefined
}

/** @param shown names of the parts that run @param nowMs of the platform: rates are per second of the platform */
export function createStatusReader(
  platform: LivePlatform,
  shown: ReadonlySet<string>,
  nowMs: () => number,
): () => Promise<StatusReading> {
  let before: Counts | undefined
  const read = (name: string) => readSamples(`http://${platform.addressOf(name)}/metrics`).catch(() => undefined)
  return async () => {
    const names = [...serviceNames, ...exporters].filter((name) => shown.has(name))
    const answers = new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)))
    const parts = names.map((name): PartStatus => {
      const state = answers.get(name) ? 'up' : platform.runnerOf(name).isFrozen(name) ? 'hangs' : 'down'
      return { name, address: platform.addressOf(name), state, restarts: restartsOf(name, platform) }
    })
    for (const name of ['prometheus', 'alertmanager'].filter((candidate) => shown.has(candidate))) {
      const state = platform.runnerOf(name).isRunning(name) ? 'up' : 'down'
      parts.push({ name, address: platform.addressOf(name), state, restarts: 0 })
    }
    const backend = answers.get('backend-api')
    const counts = backend && countsOf(backend, nowMs())
    const pipeline = answers.get('data-pipeline')
    const lag = pipeline && sum(pipeline, 'kafka_consumer_lag')
    const load = counts && before && loadBetween(before, counts, lag)
    before = counts ?? before
    return { parts, load, alerts: shown.has('prometheus') ? await readAlerts(platform) : undefined }
  }
}

/** A life that waits for its turn is prepared while the one before it is still away. */
function restartsOf(name: string, platform: LivePlatform): number {
  const runner = platform.runnerOf(name)
  return Math.max(0, runner.livesOf(name) - (runner.isRunning(name) ? 1 : 2))
}

function countsOf(samples: readonly ExposedValue[], atMs: number): Counts {
  const buckets = new Map<number, number>()
  for (const { name, labels, value } of samples) {
    if (name !== 'http_request_duration_seconds_bucket' || labels.endpoint === '/health') continue
    const bound = Number(labels.le!.replace('+Inf', 'Infinity'))
    buckets.set(bound, (buckets.get(bound) ?? 0) + value)
  }
  const requests = samples.filter(({ name, labels }) => name === 'http_requests_total' && labels.endpoint !== '/health')
  const total = (some: readonly ExposedValue[]) => some.reduce((all, { value }) => all + value, 0)
  return { atMs, requests: total(requests), failed: total(requests.filter(isFailed)), buckets }
}

function isFailed({ labels }: ExposedValue): boolean {
  return labels.status?.startsWith('5') === true
}

function loadBetween(before: Counts, now: Counts, lag: number | undefined): LoadStatus {
  // Counters that fell began anew.
  const anew = now.requests < before.requests
  const requests = now.requests - (anew ? 0 : before.requests)
  const failed = now.failed - (anew ? 0 : before.failed)
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
  const buckets = [...now.buckets]
    .map(([bound, value]) => [bound, value - (anew ? 0 : (before.buckets.get(bound) ?? 0))] as const)
    .sort(([a], [b]) => a - b)
  const count = buckets.at(-1)?.[1] ?? 0
  const p95 = count > 0 ? buckets.find(([, value]) => value >= 0.95 * count)?.[0] : undefined
  return {
    requestsPerSecond: requests / seconds,
    failed: requests > 0 ? failed / requests : 0,
    p95S: p95 !== undefined && Number.isFinite(p95) ? p95 : undefined,
    lag,
  }
}

function sum(samples: readonly ExposedValue[], wanted: string): number {
  return samples.filter(({ name }) => name === wanted).reduce((total, { value }) => total + value, 0)
}

async function readAlerts(platform: LivePlatform): Promise<AlertStatus[]> {
  try {
    const response = await fetch(`http://${platform.addressOf('prometheus')}/api/v1/alerts`, {
      signal: AbortSignal.timeout(2_000),
    })
    const { data } = (await response.json()) as {
      data: { alerts: { labels: Record<string, string>; state: 'pending' | 'firing' }[] }
    }
    return data.alerts.map(({ labels, state }) => {
      const { alertname, severity: _, team: __, ...rest } = labels
      const shown = Object.entries(rest).map(([name, value]) => `${name}="${value}"`)
      return { name: alertname ?? '', state, labels: `{${shown.join(', ')}}` }
    })
  } catch {
    return []
  }
}
