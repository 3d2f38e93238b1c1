/**
 * Simulates a drill and sends its metrics, logs and traces to given servers, so that dashboards have a history to show.
 * Each server is asked first what it takes. Nothing is judged here: that is what `run` without a target does.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Accounting } from '../drill/drill-result.ts'
import { DrillSimulation } from '../drill/simulate-drill.ts'
import type { SpanRecord } from '../drill/span-record.ts'
import type { LogRecord } from '../expectations/evidence.ts'
import type { SeriesSamples } from '../judge/judge.ts'
import { encodeRemoteWrite } from '../judge/prometheus/remote-write.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import type { Delivery, DeliveryClock } from '../sinks/delivery.ts'
import { createLokiSink } from '../sinks/loki-sink.ts'
import { createOtlpSink } from '../sinks/otlp-sink.ts'
import { createRemoteWriteSink } from '../sinks/remote-write-sink.ts'
import { OpenMetricsFile } from './openmetrics-file.ts'
import { type ProbeResult, probeLoki, probeOtlp, probePrometheus } from './probe.ts'

export const pushKinds = ['prometheus', 'loki', 'otlp'] as const
export type PushKind = (typeof pushKinds)[number]

export interface PushOptions {
  readonly config: PrometheusConfig
  readonly latticeMs: number
  readonly prometheusVersion: string
  /** Base addresses of the servers. */
  readonly targets: Readonly<Partial<Record<PushKind, string>>>
  readonly environment: string
  readonly clock: DeliveryClock
  /** Where samples go that Prometheus refuses because of their age. */
  readonly openMetricsFile: string
  readonly folder: string
  readonly onProgress: (progress: { virtualMs: number; lengthMs: number }) => void
  /** Asked now and then; true ends the work, what was not sent is counted. */
  readonly isInterrupted: () => boolean
}

export interface PushedSignal {
  readonly kind: PushKind
  readonly url: string
  /** What the server says it is. */
  readonly what: string
  readonly records: 'samples' | 'log lines' | 'spans'
  readonly accounting: Accounting
  /** False when the server could not be reached or refused records for what they are. */
  readonly ok: boolean
  readonly notes: readonly string[]
}

export type PushResult =
  | { readonly problems: readonly string[] }
  | { readonly problems?: never; readonly signals: readonly PushedSignal[] }

const closeMsMax = 60_000

export async function pushDrill(drill: Drill, options: PushOptions): Promise<PushResult> {
  const probes = await probeAll(options)
  const problems = probes.flatMap(({ probe }) => (probe.reachable ? [] : [`${probe.problem} (${probe.hint})`]))
  if (problems.length > 0) return { problems }
  const simulation = new DrillSimulation(drill, {
    config: options.config,
    latticeMs: options.latticeMs,
    prometheusVersion: options.prometheusVersion,
    selects: () => true,
    folder: options.folder,
    onProgress: options.onProgress,
  })
  const metrics = createMetricsPush(drill, options, probes)
  try {
    const { evidence } = await simulation.run(async (batch) => {
      if (options.isInterrupted()) throw new Interrupted()
      await metrics?.take(batch)
    })
    const signals = await Promise.all([
      metrics?.finish(),
      pushLogs(options, probes, evidence.logs()),
      pushSpans(options, probes, evidence.spans()),
    ])
    return { signals: signals.filter((signal) => signal !== undefined) }
  } catch (error) {
    if (error instanceof Interrupted) return { problems: ['interrupted: what was sent until then has arrived'] }
    throw error
  } finally {
    metrics?.discard()
    simulation.close()
  }
}

class Interrupted extends Error {}

interface Probed {
  readonly kind: PushKind
  readonly url: string
  readonly probe: ProbeResult
}

function probeAll({ targets, clock }: PushOptions): Promise<Probed[]> {
  const ask = {
    prometheus: (url: string) => probePrometheus(url),
    loki: (url: string) => probeLoki(url, clock.nowMs()),
    otlp: (url: string) => probeOtlp(url),
  }
  const given = pushKinds.flatMap((kind) => {
    const url = targets[kind]?.replace(/\/$/, '')
    return url === undefined ? [] : [{ kind, url }]
  })
  return Promise.all(given.map(async ({ kind, url }) => ({ kind, url, probe: await ask[kind](url) })))
}

function find(
  probes: readonly Probed[],
  kind: PushKind,
): (Probed & { probe: ProbeResult & { reachable: true } }) | undefined {
  return probes.find((one) => one.kind === kind) as ReturnType<typeof find>
}

interface MetricsPush {
  take(batch: readonly SeriesSamples[]): Promise<void>
  finish(): Promise<PushedSignal>
  discard(): void
}

/** All samples go the same way: a history in two places would have a seam. */
function createMetricsPush(drill: Drill, options: PushOptions, probes: readonly Probed[]): MetricsPush | undefined {
  const target = find(probes, 'prometheus')
  if (!target) return undefined
  const { url, probe } = target
  const common = { kind: 'prometheus', url, what: probe.what, records: 'samples' } as const
  if (probe.oldestMs !== undefined && drill.startMs < probe.oldestMs) {
    const path = options.openMetricsFile
    mkdirSync(dirname(path), { recursive: true })
    const existed = existsSync(path)
    const file = new OpenMetricsFile(path, options.folder)
    return {
      take: async (batch) => file.append(batch),
      discard: () => file.discard(),
      async finish() {
        await file.finish()
        const dropped: Record<string, number> =
          file.staleLeftOut > 0 ? { 'stale marker, which OpenMetrics has not': file.staleLeftOut } : {}
        const generated = file.samples + file.staleLeftOut
        return {
          ...common,
          what: `${path} (OpenMetrics)`,
          accounting: { generated, delivered: file.samples, dropped, queued: 0 },
          ok: true,
          notes: [
            `${probe.what} does not take samples of that age: ${probe.because}`,
            `bring them in with: promtool tsdb create-blocks-from openmetrics ${path} DATA_FOLDER`,
            ...(existed ? [`${path} was there before and has been replaced`] : []),
          ],
        }
      },
    }
  }
  const sink = createRemoteWriteSink({ url: `${url}/api/v1/write`, clock: options.clock })
  return {
    async take(batch) {
      for (const body of encodeRemoteWrite(batch)) await sink.write(body)
    },
    discard() {},
    finish: () => finished(sink, common, []),
  }
}

async function pushLogs(
  options: PushOptions,
  probes: readonly Probed[],
  logs: AsyncIterable<LogRecord>,
): Promise<PushedSignal | undefined> {
  const target = find(probes, 'loki')
  if (!target) return undefined
  const { url, probe } = target
  const { clock, environment } = options
  const sink = createLokiSink({ url, environment, clock })
  let tooOld = 0
  for await (const record of logs) {
    if (options.isInterrupted()) break
    // Loki would refuse these one by one; so that all that it may take arrives, they are not sent.
    if (probe.oldestMs !== undefined && Date.parse(String(record.timestamp)) < probe.oldestMs) tooOld += 1
    else await sink.write(JSON.stringify(record))
  }
  const signal = await finished(sink, { kind: 'loki', url, what: probe.what, records: 'log lines' }, [])
  if (tooOld === 0) return signal
  const { accounting } = signal
  return {
    ...signal,
    accounting: {
      ...accounting,
      generated: accounting.generated + tooOld,
      dropped: { ...accounting.dropped, 'older than Loki takes': tooOld },
    },
    notes: [...signal.notes, `${tooOld} lines are older than ${probe.what} takes: ${probe.because}`],
  }
}

async function pushSpans(
  options: PushOptions,
  probes: readonly Probed[],
  spans: AsyncIterable<SpanRecord>,
): Promise<PushedSignal | undefined> {
  const target = find(probes, 'otlp')
  if (!target) return undefined
  const { url, probe } = target
  const sink = createOtlpSink({ url, environment: options.environment, clock: options.clock })
  for await (const span of spans) {
    if (options.isInterrupted()) break
    await sink.write(span)
  }
  return finished(sink, { kind: 'otlp', url, what: probe.what, records: 'spans' }, [])
}

async function finished<T>(
  sink: Delivery<T>,
  common: Pick<PushedSignal, 'kind' | 'url' | 'what' | 'records'>,
  notes: readonly string[],
): Promise<PushedSignal> {
  const accounting = await sink.close(closeMsMax)
  const ok = Object.keys(accounting.dropped).length === 0
  return { ...common, accounting, ok, notes: sink.gone === undefined ? notes : [...notes, sink.gone] }
}
