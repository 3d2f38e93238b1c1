/**
 * Where a live process sends log lines and spans: lines to stdout, and to Loki when one is configured; spans by OTLP/HTTP
 * (or exporter-jaeger) and to a file. Nobody waits for a receiver, and what can't be delivered is counted by its reason.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { context } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { lokiEntryOf } from '../telemetry/loki-entry.ts'
import { spanRecord } from '../telemetry/span-record.ts'
import type { TelemetryFacts } from '../telemetry/telemetry-metrics.ts'
import type { ReadableSpan } from '../telemetry/tracing.ts'
import { BatchSender, type SendResult } from './batch-sender.ts'
import type { LineWriter } from './line-writer.ts'
import type { TelemetrySettings } from './settings.ts'

export interface Sinks {
  readonly logLines: number
  readonly logBytes: number
  readonly spans: number
  log(line: string): void
  span(span: ReadableSpan): void
  /** For the counters of the process: how much of each signal there was, and what was lost. */
  facts(): readonly TelemetryFacts[]
  /** Sends what is buffered, and ends. Resolves at the latest after `withinMs`. */
  close(withinMs: number): Promise<void>
}

interface SpanExporter {
  export(spans: ReadableSpan[], done: (result: { code: number; error?: Error }) => void): void
  shutdown(): Promise<void>
}

/** Kept while a receiver is away; what comes on top is lost and counted. */
const waitingMax = 20_000
const exportEveryMs = 500
const pauseMs = 1_000
const answerMsMax = 5_000

export async function createSinks(
  service: string,
  settings: TelemetrySettings,
  stdout: Pick<LineWriter, 'write' | 'lost'>,
): Promise<Sinks> {
  const loki = settings.lokiUrl === undefined ? undefined : createLokiSender(settings.lokiUrl, settings.environment)
  const exporter = settings.tracesUrl === undefined ? undefined : await createExporter(service, settings)
  const file = settings.spansFolder === undefined ? undefined : createSpanFile(service, settings.spansFolder)
  const sender = exporter && createSpanSender(exporter)
  let logLines = 0
  let logBytes = 0
  let spans = 0
  return {
    get logLines() {
      return logLines
    },
    get logBytes() {
      return logBytes
    },
    get spans() {
      return spans
    },
    log(line) {
      logLines += 1
      logBytes += line.length
      stdout.write(line)
      loki?.add(line)
    },
    span(span) {
      spans += 1
      file?.write(`${JSON.stringify(spanRecord(span))}\n`)
      sender?.add(span)
    },
    facts: () => [
      { signal: 'logs', generated: logLines, lost: { 'stdout-blocked': stdout.lost, ...loki?.lost } },
      { signal: 'spans', generated: spans, lost: { ...sender?.lost } },
    ],
    async close(withinMs) {
      await Promise.all([
        sender?.close(withinMs).then(() => exporter?.shutdown().catch(() => {})),
        loki?.close(withinMs),
        file && new Promise<void>((resolve) => file.end(resolve)),
      ])
    },
  }
}

/** Appends: a restarted process goes on in the file of the one before. */
function createSpanFile(service: string, folder: string): WriteStream {
  return createWriteStream(join(folder, `${service}.jsonl`), { flags: 'a' })
}

/** Source: Loki's HTTP API, POST /loki/api/v1/push; 429 and 5xx may be repeated, other refusals never succeed. */
function createLokiSender(host: string, environment: string): BatchSender<string> {
  const url = `${host.replace(/\/$/, '')}/loki/api/v1/push`
  return new BatchSender<string>({
    batchMax: 1_000,
    waitingMax,
    everyMs: exportEveryMs,
    pauseMs,
    async send(lines) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ streams: lokiStreams(lines, environment) }),
        signal: AbortSignal.timeout(answerMsMax),
      })
      await answer.arrayBuffer()
      if (answer.ok) return 'delivered'
      return answer.status === 429 || answer.status >= 500 ? 'again' : 'refused'
    },
  })
}

/** Lines with the same labels are one stream. */
function lokiStreams(lines: readonly string[], environment: string) {
  const streams = new Map<string, { stream: object; values: unknown[] }>()
  for (const line of lines) {
    const { labels, timeMs, metadata } = lokiEntryOf(line, environment)
    const key = JSON.stringify(labels)
    const stream = streams.get(key) ?? { stream: labels, values: [] }
    streams.set(key, stream)
    stream.values.push([`${timeMs}000000`, line.trimEnd(), metadata])
  }
  return [...streams.values()]
}

/** One exporter for each process: shared by several services exporter-jaeger would name all spans after the first. */
async function createExporter(service: string, settings: TelemetrySettings): Promise<SpanExporter> {
  const url = settings.tracesUrl!
  if (settings.tracesExporter === 'jaeger') {
    const { JaegerExporter } = await import('@opentelemetry/exporter-jaeger')
    return new JaegerExporter({ endpoint: url, tags: [{ key: 'service.name', value: service }] }) as SpanExporter
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter({
    url: `${url.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: answerMsMax,
  }) as SpanExporter
}

/** The SDK's own batch processor loses spans in a burst without saying so. */
function createSpanSender(exporter: SpanExporter): BatchSender<ReadableSpan> {
  return new BatchSender<ReadableSpan>({
    batchMax: 512,
    waitingMax,
    everyMs: exportEveryMs,
    pauseMs,
    send: (spans) =>
      new Promise<SendResult>((resolve) => {
        // An export is a call of its own, and must not be traced.
        context.with(suppressTracing(context.active()), () =>
          exporter.export([...spans], ({ code, error }) => {
            if (code === 0) resolve('delivered')
            else resolve(isRefusal(error) ? 'refused' : 'again')
          }),
        )
      }),
  })
}

/** The exporter gives HTTP's status as the code of its error. */
function isRefusal(error: (Error & { code?: unknown }) | undefined): boolean {
  const status = Number(error?.code)
  return status >= 400 && status < 500 && status !== 429
}
