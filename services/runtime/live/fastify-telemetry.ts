/**
 * Fastify plugins for services that are written with Fastify itself: a server span for each request, the three log lines
 * of a request, request metrics and /metrics. Register them before the routes, in this order.
 */
import { context, ROOT_CONTEXT } from '@opentelemetry/api'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../ports.ts'
import { createAccessLog } from '../telemetry/access-log.ts'
import { rememberExemplar } from '../telemetry/exemplars.ts'
import { type Logger, type RequestFields, runWithRequestContext } from '../telemetry/logging.ts'
import { defineCounter, defineGauge, defineHistogram, latencyBuckets, registerMetrics } from '../telemetry/metrics.ts'
import { extractContext, runWithActiveSpan, type Span, SpanKind, type Tracer } from '../telemetry/tracing.ts'
import { exposeText } from './exposition-text.ts'

export interface FastifyTelemetryOptions {
  readonly clock: Pick<Clock, 'nowMs'>
  readonly tracer: Tracer
  readonly logger: Logger
  readonly registry: Registry
  /** Draws ids of requests that come without one. */
  readonly newRequestId: () => string
  /** Brings the registry up to date before it is shown. */
  readonly beforeScrape?: () => void
  /** Routes that are not logged, traced and counted, for example health checks. */
  readonly quiet?: readonly string[]
}

export const httpMetrics = {
  requests: defineCounter('http_requests_total', 'Requests answered', ['method', 'endpoint', 'status', 'tenant_id']),
  duration: defineHistogram(
    'http_request_duration_seconds',
    'Time from the arrival of a request to its answer',
    ['method', 'endpoint'],
    latencyBuckets,
  ),
  inProgress: defineGauge('http_requests_in_progress', 'Requests that are worked on', ['method', 'endpoint']),
} as const

interface Exchange {
  readonly startMs: number
  readonly method: string
  readonly endpoint: string
  readonly fields: RequestFields
  readonly span: Span | undefined
  error?: Error
}

/** All of it in one registration. */
export async function fastifyTelemetry(app: FastifyInstance, options: FastifyTelemetryOptions): Promise<void> {
  const { clock, tracer, registry, newRequestId } = options
  const accessLog = createAccessLog(options.logger)
  const metrics = registerMetrics(httpMetrics, registry)
  const quiet = new Set(['/metrics', ...(options.quiet ?? [])])
  const exchanges = new WeakMap<FastifyRequest, Exchange>()

  function begin(request: FastifyRequest): Exchange {
    const { method } = request
    // What nobody serves is one label value: what anybody asks for must not become a series.
    const endpoint = templated(request.routeOptions.url) ?? '{unknown}'
    const { traceparent, sampled: _, ...sent } = extractContext(request.headers)
    const attributes = { 'http.request.method': method, 'http.route': endpoint }
    const spanOptions = { kind: SpanKind.SERVER, attributes }
    const name = `${method} ${endpoint}`
    const span = traceparent
      ? tracer.startRemote(name, traceparent, spanOptions)
      : tracer.startRoot(name, undefined, spanOptions)
    const fields = { requestId: newRequestId(), tenantId: 'none', ...sent, traceId: span.traceId, span }
    return { startMs: clock.nowMs(), method, endpoint, fields, span }
  }

  function end({ startMs, method, endpoint, fields, span, error }: Exchange, status: number): void {
    const duration = Math.round((clock.nowMs() - startMs) * 1000) / 1e6
    const tenant_id = fields.tenantId ?? 'none'
    metrics.inProgress.dec({ method, endpoint })
    metrics.requests.inc({ method, endpoint, status: String(status), tenant_id })
    metrics.duration.observe({ method, endpoint }, duration)
    if (span?.traceFlags) rememberExemplar(metrics.duration, { method, endpoint }, duration, span, clock.nowMs())
    span?.setAttribute('http.response.status_code', status)
    span?.setAttribute('tenant.id', tenant_id)
    if (error && status >= 500) span?.fail(error)
    span?.end()
    const answered = { method, endpoint, status, duration }
    if (status >= 500) accessLog.failed(answered, fields, error)
    else accessLog.completed(answered, fields)
  }

  const within = (exchange: Exchange, run: () => void) =>
    runWithRequestContext(exchange.fields, () =>
      context.with(ROOT_CONTEXT, () => runWithActiveSpan(exchange.span, run)),
    )

  app.addHook('onRequest', (request, _reply, done) => {
    if (quiet.has(request.routeOptions.url ?? '')) return done()
    const exchange = begin(request)
    exchanges.set(request, exchange)
    metrics.inProgress.inc({ method: exchange.method, endpoint: exchange.endpoint })
    accessLog.started(exchange.method, exchange.endpoint, exchange.fields)
    within(exchange, done)
  })
  // A body is read by events of the socket, which belong to no request: the handler is brought back into its own.
  app.addHook('preValidation', (request, _reply, done) => {
    const exchange = exchanges.get(request)
    if (exchange) within(exchange, done)
    else done()
  })
  app.addHook('onError', async (request: FastifyRequest, _reply: FastifyReply, error: Error) => {
    const exchange = exchanges.get(request)
    if (exchange) exchange.error = error
  })
  app.addHook('onResponse', async (request, reply) => {
    const exchange = exchanges.get(request)
    if (exchange) end(exchange, reply.statusCode)
  })
  app.get('/metrics', async (request, reply) => {
    options.beforeScrape?.()
    const { contentType, text } = await exposeText(registry, request.headers.accept)
    return reply.header('content-type', contentType).send(text)
  })
}
// Its hooks are for the routes of whoever registers it, not for routes inside of the plugin.
Object.assign(fastifyTelemetry, { [Symbol.for('skip-override')]: true })

/** `/items/:id` is `/items/{id}` in labels, as everywhere else on the platform. */
function templated(url: string | undefined): string | undefined {
  return url?.replaceAll(/:(\w+)/g, '{$1}')
}
