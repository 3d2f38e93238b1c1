/**
 * Encodes samples as Prometheus remote write 1.0: a protobuf `WriteRequest`, packed with snappy.
 * Source: Prometheus prompb/remote.proto and prompb/types.proto.
 */
import snappy from 'snappyjs'
import type { Labels, SeriesSamples } from '../judge.ts'

/** Decoded size at which a request is closed; servers refuse from 32 MiB on. */
const requestBytesMax = 4 * 1024 * 1024
/** Samples of one series in one piece, so that no single piece passes the limit. */
const samplesMax = 10_000
const staleMarker = 0x7ff0_0000_0000_0002n

export interface RemoteWriteBody {
  readonly body: Uint8Array
  /** How many samples are in it. */
  readonly samples: number
}

/** @returns bodies of POST requests, to be sent in this order */
export function encodeRemoteWrite(batch: readonly SeriesSamples[]): RemoteWriteBody[] {
  const bodies: RemoteWriteBody[] = []
  let parts: Uint8Array[] = []
  let bytes = 0
  let samples = 0
  const close = () => {
    if (parts.length === 0) return
    bodies.push({ body: snappy.compress(concatenate(parts, bytes)), samples })
    parts = []
    bytes = 0
    samples = 0
  }
  for (const series of batch) {
    const labels = encodeLabels(series.labels)
    for (let from = 0; from < series.timesMs.length; from += samplesMax) {
      const to = Math.min(from + samplesMax, series.timesMs.length)
      const part = encodeSeries(labels, series, from, to)
      if (bytes + part.length > requestBytesMax) close()
      parts.push(part)
      bytes += part.length
      samples += to - from
    }
  }
  close()
  return bodies
}

function encodeSeries(labels: Uint8Array, series: SeriesSamples, from: number, to: number): Uint8Array {
  const { timesMs, values } = series
  const stale = new Set(series.stale)
  // Each sample: tag and length, tag and 8 bytes of the value, tag and at most 10 bytes of the time.
  const body = new Uint8Array(labels.length + (to - from) * 22)
  const view = new DataView(body.buffer)
  body.set(labels)
  let at = labels.length
  for (let i = from; i < to; i += 1) {
    const start = at
    body[at] = 0x12 // samples = 2
    at += 2
    body[at] = 0x09 // value = 1, 64 bit
    if (stale.has(i)) view.setBigUint64(at + 1, staleMarker, true)
    else view.setFloat64(at + 1, values[i]!, true)
    at += 9
    body[at] = 0x10 // timestamp = 2
    at = writeVarint(body, at + 1, timesMs[i]!)
    body[start + 1] = at - start - 2
  }
  const message = body.subarray(0, at)
  const head = new Uint8Array(6)
  head[0] = 0x0a // timeseries = 1
  const headLength = writeVarint(head, 1, message.length)
  return concatenate([head.subarray(0, headLength), message], headLength + message.length)
}

const encoder = new TextEncoder()

/** Sorted by name, as the receiver expects them. */
function encodeLabels(labels: Labels): Uint8Array {
  const parts = Object.keys(labels)
    .sort()
    .map((name) => {
      const nameBytes = encoder.encode(name)
      const valueBytes = encoder.encode(labels[name])
      const part = new Uint8Array(nameBytes.length + valueBytes.length + 18)
      part[0] = 0x0a // labels = 1
      const inner = sizeOf(nameBytes) + sizeOf(valueBytes)
      let at = writeVarint(part, 1, inner)
      part[at] = 0x0a // name = 1
      at = writeVarint(part, at + 1, nameBytes.length)
      part.set(nameBytes, at)
      at += nameBytes.length
      part[at] = 0x12 // value = 2
      at = writeVarint(part, at + 1, valueBytes.length)
      part.set(valueBytes, at)
      return part.subarray(0, at + valueBytes.length)
    })
  return concatenate(
    parts,
    parts.reduce((sum, part) => sum + part.length, 0),
  )
}

function sizeOf(bytes: Uint8Array): number {
  return 1 + writeVarint(new Uint8Array(10), 0, bytes.length) + bytes.length
}

/** @param value whole, not negative, below 2^53 @returns the position behind it */
function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  while (rest >= 0x80) {
    target[position] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
    position += 1
  }
  target[position] = rest
  return position + 1
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
