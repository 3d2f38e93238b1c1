/** Stands for a collector and for Loki: takes spans by OTLP/HTTP (protobuf) and log lines by Loki's push, and keeps them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedSpan {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly links: readonly string[]
  readonly failed: boolean
}

export interface ReceivedLine {
  readonly labels: Readonly<Record<string, string>>
  readonly line: Readonly<Record<string, unknown>>
}

export interface TelemetryReceiver {
  readonly url: string
  readonly spans: ReceivedSpan[]
  readonly lines: ReceivedLine[]
  close(): void
}

export async function startTelemetryReceiver(): Promise<TelemetryReceiver> {
  const spans: ReceivedSpan[] = []
  const lines: ReceivedLine[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    if (request.url === '/v1/traces') spans.push(...spansOf(body))
    else if (request.url === '/loki/api/v1/push') lines.push(...linesOf(body.toString()))
    else response.statusCode = 404
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    lines,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function linesOf(text: string): ReceivedLine[] {
  const { streams } = JSON.parse(text) as {
    streams: { stream: Record<string, string>; values: [string, string, unknown][] }[]
  }
  return streams.flatMap(({ stream, values }) =>
    values.map(([, line]) => ({ labels: stream, line: JSON.parse(line) as Record<string, unknown> })),
  )
}

/** Field numbers: opentelemetry/proto/trace/v1/trace.proto */
function spansOf(request: Buffer): ReceivedSpan[] {
  return fields(request, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(fields(fields(resourceSpans, 1)[0]!, 1))
    return fields(resourceSpans, 2).flatMap((scopeSpans) =>
      fields(scopeSpans, 2).map((span) => ({
        service: resource['service.name']!,
        traceId: fields(span, 1)[0]!.toString('hex'),
        spanId: fields(span, 2)[0]!.toString('hex'),
        parentSpanId: fields(span, 4)[0]?.toString('hex') ?? '',
        name: fields(span, 5)[0]!.toString(),
        attributes: attributesOf(fields(span, 9)),
        links: fields(span, 13).map((link) => fields(link, 2)[0]!.toString('hex')),
        failed: numbers(fields(span, 15)[0] ?? Buffer.alloc(0), 3)[0] === 2,
      })),
    )
  })
}

function attributesOf(pairs: readonly Buffer[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const value = fields(pair, 2)[0]!
      const text = fields(value, 1)[0]?.toString() ?? String(numbers(value, 2)[0] ?? numbers(value, 3)[0] ?? '')
      return [fields(pair, 1)[0]!.toString(), text]
    }),
  )
}

function fields(message: Buffer, wanted: number): Buffer[] {
  return [...read(message)].flatMap(({ field, value }) => (field === wanted && Buffer.isBuffer(value) ? [value] : []))
}

function numbers(message: Buffer, wanted: number): number[] {
  return [...read(message)].flatMap(({ field, value }) =>
    field === wanted && typeof value === 'number' ? [value] : [],
  )
}

/** Source: https://protobuf.dev/programming-guides/encoding/ */
function* read(message: Buffer): Generator<{ field: number; value: Buffer | number }> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++]!
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    const type = tag % 8
    if (type === 0) yield { field, value: varint() }
    else if (type === 2) {
      const length = varint()
      yield { field, value: message.subarray(at, at + length) }
      at += length
    } else at += type === 1 ? 8 : 4
  }
}
