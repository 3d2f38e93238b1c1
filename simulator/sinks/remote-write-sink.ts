/** Samples to a server that speaks Prometheus remote write 1.0 (Prometheus, Mimir, Thanos, VictoriaMetrics). */
import type { RemoteWriteBody } from '../judge/prometheus/remote-write.ts'
import { Delivery, type SinkOptions } from './delivery.ts'

export interface RemoteWriteSinkOptions extends SinkOptions {
  /** The whole address, for example `http://localhost:9090/api/v1/write`. */
  readonly url: string
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
