/**
 * Spans by the OpenTelemetry SDK, with time and ids from the world. In the platform the head sampler decides once for each
 * request, and a request that it left out makes no span at all; its services hand the parent on. Code that can't uses
 * `withSpan` and `traceFunction`: their parent is the active span, where the process has set up a context manager.
 */
import {
  type Attributes,
  type Context,
  context,
  type Span as OpenTelemetrySpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Clock, Rng } from '../ports.ts'
import { describeException, type ExceptionFrames, errorOf, observeOutcome } from './logging.ts'
import { parseTraceparent } from './propagation.ts'
import { isSecretName, redacted, redactText } from './redaction.ts'

export { extractContext, injectContext, parseTraceparent, traceparentOf } from './propagation.ts'
export type { ReadableSpan }
export { SpanKind }

export interface SpanOptions {
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  /** Parents in other traces, as `traceparent` headers (a consumed message is linked to its producer). */
  readonly links?: readonly string[]
}

export interface FunctionSpanOptions<Arguments extends unknown[]> extends Omit<SpanOptions, 'attributes'> {
  readonly attributes?: Attributes | ((...args: Arguments) => Attributes)
}

/** One operation. Ends at the world's time. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** 1 when the trace is recorded. */
  readonly traceFlags: number
  setAttribute(name: string, value: string | number | boolean): void
  /** Status ERROR, and the exception as an event. */
  fail(error: Error): void
  end(): void
}

export interface Tracer {
  /** Begins a trace of its own (a request from outside, a job). `traceId` as 32 hexadecimal digits, drawn when left out. */
  startRoot(name: string, traceId?: string, options?: SpanOptions): Span
  /** Continues a trace that came with a W3C `traceparent` header. */
  startRemote(name: string, traceparent: string, options?: SpanOptions): Span
  /** @returns undefined when there is no parent: the request was not sampled. */
  startChild(name: string, parent: Span | undefined, options?: SpanOptions): Span | undefined
  /**
   * Runs inside of a span, which is the active one meanwhile; its parent is the one that was. The span ends when `run`
   * returns or its promise settles; what `run` throws makes it fail, and is thrown.
   */
  withSpan<T>(name: string, run: (span: Span) => T, options?: SpanOptions): T
  /** The same function, each call in a span. `attributes` may read the arguments. */
  traceFunction<Arguments extends unknown[], T>(
    name: string,
    run: (...args: Arguments) => T,
    options?: FunctionSpanOptions<Arguments>,
  ): (...args: Arguments) => T
}

export interface TracingOptions {
  readonly service: string
  readonly clock: Pick<Clock, 'nowMs'>
  readonly rng: Pick<Rng, 'hex'>
  /** Takes each span when it ends. Must not wait. */
  readonly onEnd: (span: ReadableSpan) => void
  /** Share of the traces begun here that are recorded, 0 to 1; all when left out. A trace from elsewhere has been decided on. */
  readonly sampling?: number
  /** As of log lines. */
  readonly frames?: ExceptionFrames
}

export interface Tracing extends Tracer {
  /** For libraries that bring their own instrumentation. */
  readonly provider: TracerProvider
}

/** Sets up the tracing of one process: `withSpan` and `traceFunction` of this module make their spans there. */
export function setupTracing(options: TracingOptions): Tracing {
  const tracing = createTracer(options)
  processTracer = tracing
  return tracing
}

let processTracer: Tracer | undefined

/** As of {@link Tracer}, in this process. Where no tracing is set up, `run` simply runs. */
export function withSpan<T>(name: string, run: (span: Span | undefined) => T, options?: SpanOptions): T {
  return processTracer ? processTracer.withSpan(name, run, options) : run(undefined)
}

/** As of {@link Tracer}, in this process, also in one that is set up only later. */
export function traceFunction<Arguments extends unknown[], T>(
  name: string,
  run: (...args: Arguments) => T,
  options?: FunctionSpanOptions<Arguments>,
): (...args: Arguments) => T {
  return (...args) => (processTracer ? processTracer.traceFunction(name, run, options)(...args) : run(...args))
}

/** Tracing of its own for one service: a virtual world has several in one process. */
export function createTracer({ service, clock, rng, onEnd, sampling = 1, frames = 'named' }: TracingOptions): Tracing {
  let nextTraceId: string | undefined
  const processor: SpanProcessor = {
    onStart() {},
    onEnd,
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const root = sampling >= 1 ? new AlwaysOnSampler() : new TraceIdRatioBasedSampler(sampling)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: new ParentBasedSampler({ root }),
    idGenerator: { generateTraceId: () => nextTraceId ?? rng.hex(32), generateSpanId: () => rng.hex(16) },
    spanProcessors: [processor],
  })
  const tracer = provider.getTracer('firedrill')

  const start = (name: string, options: SpanOptions | undefined, parent: Context = ROOT_CONTEXT): WorldSpan =>
    new WorldSpan(
      tracer.startSpan(
        name,
        {
          kind: options?.kind ?? SpanKind.INTERNAL,
          ...(options?.attributes && { attributes: withoutSecrets(options.attributes) }),
          ...(options?.links && { links: linksOf(options.links) }),
          // A number would be read as relative to the start of this process, so the pair is passed.
          startTime: highResolutionTime(clock.nowMs()),
        },
        parent,
      ),
      clock,
      frames,
    )

  const withSpan: Tracer['withSpan'] = (name, run, options) => {
    const parent = context.active()
    const span = start(name, options, parent)
    return context.with(trace.setSpan(parent, span.span), () =>
      observeOutcome(
        () => run(span),
        () => span.end(),
        (thrown) => {
          span.fail(errorOf(thrown))
          span.end()
          throw thrown
        },
      ),
    )
  }

  return {
    provider,
    startRoot(name, traceId, options) {
      nextTraceId = traceId
      const span = start(name, options)
      nextTraceId = undefined
      return span
    },
    startRemote(name, traceparent, options) {
      const parent = parseTraceparent(traceparent)
      return start(name, options, parent && trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }))
    },
    startChild(name, parent, options) {
      return parent && start(name, options, trace.setSpan(ROOT_CONTEXT, (parent as WorldSpan).span))
    },
    withSpan,
    traceFunction: (name, run, { attributes, ...options } = {}) => {
      const attributesOf = typeof attributes === 'function' ? attributes : () => attributes
      return (...args) => {
        const own = attributesOf(...args)
        return withSpan(name, () => run(...args), { ...options, ...(own && { attributes: own }) })
      }
    },
  }
}

/** Runs with this span as the active one, whose life is somebody else's matter. */
export function runWithActiveSpan<T>(span: Span | undefined, run: () => T): T {
  return span ? context.with(trace.setSpan(context.active(), (span as WorldSpan).span), run) : run()
}

/** Runs a step in a span that was started for it: the span ends with the step, and fails when the step does. */
export async function runInSpan<T>(span: Span | undefined, run: (span: Span | undefined) => Promise<T>): Promise<T> {
  try {
    return await run(span)
  } catch (error) {
    span?.fail(error as Error)
    throw error
  } finally {
    span?.end()
  }
}

class WorldSpan implements Span {
  readonly span: OpenTelemetrySpan
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #frames: ExceptionFrames
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number

  constructor(span: OpenTelemetrySpan, clock: Pick<Clock, 'nowMs'>, frames: ExceptionFrames) {
    this.span = span
    this.#clock = clock
    this.#frames = frames
    const ids = span.spanContext()
    this.traceId = ids.traceId
    this.spanId = ids.spanId
    this.traceFlags = ids.traceFlags
  }

  setAttribute(name: string, value: string | number | boolean): void {
    this.span.setAttribute(name, withoutSecret(name, value))
  }

  fail(error: Error): void {
    const { type, message, stacktrace } = describeException(error, this.#frames)
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: redactText(message) })
    this.span.addEvent(
      'exception',
      {
        'exception.type': type,
        'exception.message': redactText(message),
        'exception.stacktrace': redactText(stacktrace),
      },
      highResolutionTime(this.#clock.nowMs()),
    )
  }

  end(): void {
    this.span.end(highResolutionTime(this.#clock.nowMs()))
  }
}

function withoutSecrets(attributes: Attributes): Attributes {
  const shown: Attributes = {}
  for (const name in attributes) shown[name] = withoutSecret(name, attributes[name])
  return shown
}

function withoutSecret<Value>(name: string, value: Value): Value {
  if (value === undefined) return value
  if (isSecretName(name)) return redacted as Value
  return typeof value === 'string' ? (redactText(value) as Value) : value
}

function linksOf(headers: readonly string[]) {
  return headers
    .map(parseTraceparent)
    .filter((linked) => linked !== undefined)
    .map((linked) => ({ context: linked }))
}

function highResolutionTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}
