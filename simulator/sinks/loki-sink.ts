/**
 * Log lines to Loki's push API.
 * Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
 */
import { type LokiLabels, lokiEntryOf } from '../../services/runtime/telemetry/loki-entry.ts'
import { Delivery, type SinkOptions } from './delivery.ts'

/** One line as pino wrote it, without its line break. */
export type LogLine = string

export interface LokiSinkOptions extends SinkOptions {
  /** Address of the server, for example `http://localhost:3100`. */
  readonly url: string
  /** Value of the label `env`. */
  readonly environment: string
}

export function createLokiSink({ url, environment, ...options }: LokiSinkOptions): Delivery<LogLine> {
  return new Delivery<LogLine>({
    ...options,
    name: 'loki',
    batchItemsMax: 5_000,
    batchBytesMax: 2_000_000,
    bytesOf: (line) => line.length,
    // 400 says that a line is refused for what it is; sending it again would change nothing.
    isRepeatable: (status) => status === 429 || status >= 500,
    encode: (lines) => ({
      url: `${url.replace(/\/$/, '')}/loki/api/v1/push`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ streams: streamsOf(lines, environment) }),
    }),
  })
}

type Entry = [timestampNs: string, line: string, metadata: Readonly<Record<string, string>>]

interface Stream {
  readonly stream: LokiLabels
  readonly values: Entry[]
}

function streamsOf(lines: readonly LogLine[], environment: string): Stream[] {
  const streams = new Map<string, Stream & { readonly times: number[] }>()
  for (const line of lines) {
    const { labels, timeMs, metadata } = lokiEntryOf(line, environment)
    const key = `${labels.service} ${labels.level}`
    let stream = streams.get(key)
    if (!stream) {
      stream = { stream: labels, values: [], times: [] }
      streams.set(key, stream)
    }
    stream.times.push(timeMs)
    stream.values.push([`${timeMs}000000`, line, metadata])
  }
  return [...streams.values()].map(({ stream, values, times }) => ({ stream, values: inOrder(values, times) }))
}

/** By time; lines of the same millisecond stay in the order in which they were written. */
function inOrder(values: Entry[], times: readonly number[]): Entry[] {
  if (times.every((time, i) => i === 0 || time >= times[i - 1]!)) return values
  return values
    .map((value, i) => ({ value, time: times[i]! }))
    .sort((a, b) => a.time - b.time)
    .map(({ value }) => value)
}
