/**
 * Log lines to Loki's push API.
 * Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
 */
import { Delivery, type SinkOptions } from './delivery.ts'
import { encodeLokiPush } from './loki-push.ts'

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
      headers: { 'content-type': 'application/x-protobuf' },
      body: encodeLokiPush(lines, environment),
    }),
  })
}
