/**
 * Where a live process sends log lines and spans: lines to stdout, and to Loki when one is configured; spans by OTLP/HTTP
 * (or exporter-jaeger) and to a file. What can't be delivered is counted by its reason, and told at the end.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { lokiEntryOf } from '../telemetry/loki-entry.ts'
import { spanRecord } from '../telemetry/span-record.ts'
import type { ReadableSpan } from '../telemetry/tracing.ts'
import type { TelemetrySettings } from './settings.ts'

export interface Sinks {
  readonly logLines: number
  readonly logBytes: number
  readonly spans: number
  log(line: string): void
  span(span: ReadableSpan): void
  /** Sends what is buffered, and ends. Resolves at the latest after `withinMs`. @returns spans that were given up */
  close(withinMs: number): Promise<{ spansDropped: number }>
}

interface SpanExporter {
  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void
  shutdown(): Promise<void>
}

const exportEveryMs = 500
const batchMax = 512
/** Spans kept while the receiver is away; what comes on top is dropped and counted. */
const bufferMax = 20_000

export async function createSinks(
  service: string,
  settings: TelemetrySettings,
  stdout: { write(text: string): unknown },
): Promise<Sinks> {
  const loki =
    settings.lokiUrl === undefined ? undefined : await createLokiStream(settings.lokiUrl, settings.environment)
  const exporter = settings.tracesUrl === undefined ? undefined : await createExporter(service, settings)
  const file = settings.spansFolder === undefined ? undefined : createSpanFile(service, settings.spansFolder)
  const sender = exporter && new SpanSender(exporter)
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
      loki?.write(line)
    },
    span(span) {
      spans += 1
      file?.write(`${JSON.stringify(spanRecord(span))}\n`)
      sender?.add(span)
    },
    async close(withinMs) {
      const flushed = Promise.all([
        sender?.close(),
        file && new Promise<void>((resolve) => file.end(resolve)),
        loki && new Promise<void>((resolve) => loki.end(resolve)),
      ])
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        flushed,
        new Promise((resolve) => {
          timer = setTimeout(resolve, withinMs)
        }),
      ])
      clearTimeout(timer)
      return { spansDropped: sender?.undelivered ?? 0 }
    },
  }
}

/** Appends: a restarted process goes on in the file of the one before. */
function createSpanFile(service: string, folder: string): WriteStream {
  return createWriteStream(join(folder, `${service}.jsonl`), { flags: 'a' })
}

/** pino-loki would take the time of sending for that of the line, and knows ids only under one key: so each line is wrapped. */
async function createLokiStream(
  host: string,
  environment: string,
): Promise<{ write(line: string): unknown; end(done: () => void): void }> {
  const { pinoLoki } = await import('pino-loki')
  const stream = pinoLoki({
    host,
    // Without a limit of its own pino-loki would throw four of five lines away in a burst.
    batching: { interval: 1, maxBufferSize: 0 },
    propsToLabels: ['service', 'env', 'level'],
    structuredMetaKey: 'metadata',
    silenceErrors: false,
    logFormat: (wrapped) => wrapped.line as string,
  })
  return {
    write(line) {
      const { labels, timeMs, metadata } = lokiEntryOf(line, environment)
      return stream.write(`${JSON.stringify({ ...labels, time: `${timeMs}000000`, metadata, line: line.trimEnd() })}\n`)
    },
    end(done) {
      stream.once('close', done)
      stream.end()
    },
  }
}

/** One exporter for each process: shared by several services exporter-jaeger would name all spans after the first. */
async function createExporter(service: string, settings: TelemetrySettings): Promise<SpanExporter> {
  const url = settings.tracesUrl!
  if (settings.tracesExporter === 'jaeger') {
    const { JaegerExporter } = await import('@opentelemetry/exporter-jaeger')
    return new JaegerExporter({ endpoint: url, tags: [{ key: 'service.name', value: service }] }) as SpanExporter
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter({ url: `${url.replace(/\/$/, '')}/v1/traces` }) as SpanExporter
}

/** One export at a time, each awaited: the SDK's own batch processor loses spans in a burst without saying so. */
class SpanSender {
  readonly #exporter: SpanExporter
  readonly #timer: NodeJS.Timeout
  #buffer: ReadableSpan[] = []
  #sending: Promise<void> = Promise.resolve()
  #dropped = 0

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter
    this.#timer = setInterval(() => this.#send(), exportEveryMs)
  }

  get undelivered(): number {
    return this.#dropped + this.#buffer.length
  }

  add(span: ReadableSpan): void {
    if (this.#buffer.length >= bufferMax) {
      this.#dropped += 1
      return
    }
    this.#buffer.push(span)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#send()
    await this.#sending
    await this.#exporter.shutdown()
  }

  #send(): void {
    const batches: ReadableSpan[][] = []
    while (this.#buffer.length > 0) batches.push(this.#buffer.splice(0, batchMax))
    for (const batch of batches) {
      this.#sending = this.#sending.then(
        () =>
          new Promise((resolve) => {
            this.#exporter.export(batch, ({ code }) => {
              if (code !== 0) this.#dropped += batch.length
              resolve()
            })
          }),
      )
    }
  }
}
