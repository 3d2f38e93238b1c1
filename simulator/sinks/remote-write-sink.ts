/** Samples to a server that speaks Prometheus remote write 1.0 (Prometheus, Mimir, Thanos, VictoriaMetrics). */
import type { RemoteWriteBody } from '../judge/prometheus/remote-write.ts'
import { Delivery, type DeliveryClock } from './delivery.ts'

export interface RemoteWriteSinkOptions {
  /** The whole address, for example `http://localhost:9090/api/v1/write`. */
  readonly url: string
  readonly clock: DeliveryClock
  readonly fetch?: typeof fetch
  readonly timeoutMs?: number
  readonly retryAfterMs?: number
  readonly attemptsMax?: number
  readonly queueBytesMax?: number
}

/** A body is a batch already; counted are its samples. */
export function createRemoteWriteSink({ url, ...options }: RemoteWriteSinkOptions): Delivery<RemoteWriteBody> {
  return new Delivery<RemoteWriteBody>({
    timeoutMs: 30_000,
    ...options,
    name: 'remote write',
    batchItemsMax: 1,
    batchBytesMax: 8_000_000,
    bytesOf: ({ body }) => body.length,
    countOf: ({ samples }) => samples,
    isRepeatable: (status) => status === 429 || status >= 500,
    encode: ([item]) => ({ url, headers: remoteWriteHeaders, body: item!.body }),
  })
}

export const remoteWriteHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
} as const
