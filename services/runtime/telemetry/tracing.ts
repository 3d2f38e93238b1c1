/**
 * Spans by the OpenTelemetry SDK, with time and ids from the world. The head sampler decides once for each request;
 * a request that it left out makes no span at all.
 */
import {
  type Attributes,
  type Span as OpenTelemetrySpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOnSampler, type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Clock, Rng } from '../ports.ts'
import { describeException } from './logging.ts'

export type { ReadableSpan }
export { SpanKind }

export interface SpanOptions {
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  /** Parents in other traces, as `traceparent` headers (a consumed message is linked to its producer). */
  readonly links?: readonly string[]
}

/** One operation. Ends at the world's time. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  setAttribute(name: string, value: string | number | boolean): void
  /** Status ERROR, and the exception as an event. */
  fail(error: Error): void
  end(): void
}

export interface Tracer {
  /** Begins a trace of its own (a request from outside, a job). `traceId` as 32 hexadecimal digits. */
  startRoot(name: string, traceId: string, options?: SpanOptions): Span
  /** Continues a trace that came with a W3C `traceparent` header. */
  startRemote(name: string, traceparent: string, options?: SpanOptions): Span
  /** @returns undefined when there is no parent: the request was not sampled. */
  startChild(name: string, parent: Span | undefined, options?: SpanOptions): Span | undefined
}

export interface TracingOptions {
  readonly service: string
  readonly clock: Clock
  readonly rng: Rng
  /** Takes each span when it ends. */
  readonly onEnd: (span: ReadableSpan) => void
}

/** Sets up the tracing of one process. */
export function createTracer({ service, clock, rng, onEnd }: TracingOptions): Tracer {
  let nextTraceId = ''
  const processor: SpanProcessor = {
    onStart() {},
    onEnd,
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: new AlwaysOnSampler(),
    idGenerator: { generateTraceId: () => nextTraceId, generateSpanId: () => rng.hex(16) },
    spanProcessors: [processor],
  })
  const tracer = provider.getTracer('firedrill')

  const start = (name: string, options: SpanOptions | undefined, parent = ROOT_CONTEXT): Span =>
    new WorldSpan(
      tracer.startSpan(
        name,
        {
          kind: options?.kind ?? SpanKind.INTERNAL,
          ...(options?.attributes && { attributes: options.attributes }),
          ...(options?.links && { links: options.links.map((header) => ({ context: parseTraceparent(header)! })) }),
          // A number would be read as relative to the start of this process, so the pair is passed.
          startTime: highResolutionTime(clock.nowMs()),
        },
        parent,
      ),
      clock,
    )

  return {
    startRoot(name, traceId, options) {
      nextTraceId = traceId
      return start(name, options)
    },
    startRemote(name, traceparent, options) {
      return start(
        name,
        options,
        trace.setSpanContext(ROOT_CONTEXT, { ...parseTraceparent(traceparent)!, isRemote: true }),
      )
    },
    startChild(name, parent, options) {
      return parent && start(name, options, trace.setSpan(ROOT_CONTEXT, (parent as WorldSpan).span))
    },
  }
}

class WorldSpan implements Span {
  readonly span: OpenTelemetrySpan
  readonly #clock: Clock
  readonly traceId: string
  readonly spanId: string

  constructor(span: OpenTelemetrySpan, clock: Clock) {
    this.span = span
    this.#clock = clock
    const context = span.spanContext()
    this.traceId = context.traceId
    this.spanId = context.spanId
  }

  setAttribute(name: string, value: string | number | boolean): void {
    this.span.setAttribute(name, value)
  }

  fail(error: Error): void {
    const { type, message, stacktrace } = describeException(error)
    this.span.setStatus({ code: SpanStatusCode.ERROR, message })
    this.span.addEvent(
      'exception',
      { 'exception.type': type, 'exception.message': message, 'exception.stacktrace': stacktrace },
      highResolutionTime(this.#clock.nowMs()),
    )
  }

  end(): void {
    this.span.end(highResolutionTime(this.#clock.nowMs()))
  }
}

/** W3C trace context of a span: `00-<trace>-<span>-01`. */
export function traceparentOf(span: Span): string {
  return `00-${span.traceId}-${span.spanId}-01`
}

/** @returns undefined when the header is not a sampled W3C trace context. */
export function parseTraceparent(header: string) {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header)
  return match ? { traceId: match[1]!, spanId: match[2]!, traceFlags: TraceFlags.SAMPLED } : undefined
}

function highResolutionTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}
