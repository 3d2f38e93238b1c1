/**
 * Log lines to Loki's push API. Labels are only service, env and level, or streams would multiply; ids travel as
 * structured metadata, where `| trace_id="..."` finds them.
 * Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
 */
import { Delivery, type DeliveryClock } from './delivery.ts'

/** One line as pino wrote it, without its line break. */
export type LogLine = string

export interface LokiSinkOptions {
  /** Address of the server, for example `http://localhost:3100`. */
  readonly url: string
  /** Value of the label `env`. */
  readonly environment: string
  readonly clock: DeliveryClock
  readonly fetch?: typeof fetch
  readonly timeoutMs?: number
  readonly retryAfterMs?: number
  readonly attemptsMax?: number
  readonly queueBytesMax?: number
}

const metadataFields = ['request_id', 'tenant_id', 'user_id', 'trace_id', 'span_id'] as const

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

type Entry = [timestampNs: string, line: string, metadata: Record<string, string>]

interface Stream {
  readonly stream: { readonly service: string; readonly env: string; readonly level: string }
  readonly values: Entry[]
}

function streamsOf(lines: readonly LogLine[], env: string): Stream[] {
  const streams = new Map<string, Stream & { readonly times: number[] }>()
  for (const line of lines) {
    const record = JSON.parse(line) as Record<string, unknown>
    const service = String(record.service)
    const level = String(record.level).toLowerCase()
    const key = `${service} ${level}`
    let stream = streams.get(key)
    if (!stream) {
      stream = { stream: { service, env, level }, values: [], times: [] }
      streams.set(key, stream)
    }
    const timeMs = Date.parse(String(record.timestamp))
    stream.times.push(timeMs)
    stream.values.push([`${timeMs}000000`, line, metadataOf(record)])
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

function metadataOf(record: Readonly<Record<string, unknown>>): Record<string, string> {
  const metadata: Record<string, string> = {}
  for (const name of metadataFields) {
    const value = record[name]
    if (typeof value === 'string' && value !== '') metadata[name] = value
  }
  return metadata
}
