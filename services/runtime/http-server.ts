/**
 * What stands between the network and a service's routes, the same in both worlds: a bounded number of workers with a
 * bounded queue, the request context, the server span, the access log, and fault points. Load turns into waiting, and
 * waiting into 503.
 */
import type { Route } from './define-service.ts'
import { createGate } from './gate.ts'
import { DependencyError, type Ports, type RequestContext, type ServiceRequest, type ServiceResponse } from './ports.ts'
import { createRequestContext } from './request-context.ts'
import { createAccessLog } from './telemetry/access-log.ts'
import { requestsAreFollowed, runWithRequestContext } from './telemetry/request-fields.ts'
import { extractContext, runWithActiveSpan, type Span, SpanKind } from './telemetry/tracing.ts'

export interface HttpServerOptions {
  readonly workers: number
  readonly queue: number
  readonly queueTimeoutMs: number
  /** Share of requests from outside that are traced and access-logged. */
  readonly sampling: number
  /** Routes that take no worker, so that they answer while the service is busy. */
  readonly unbounded?: readonly string[]
  /** Told of every request; this is where a service counts. */
  readonly observer: HttpObserver
}

export interface HttpObserver {
  started(request: ServiceRequest, method: string, endpoint: string): void
  /** `durationS` includes the time in the queue. `error` is what the route threw. */
  finished(exchange: HttpExchange): void
}

export interface HttpExchange {
  readonly request: ServiceRequest
  readonly context: RequestContext
  readonly method: string
  readonly endpoint: string
  readonly status: number
  readonly responseBytes: number
  readonly durationS: number
  readonly error: Error | undefined
}

export interface HttpServer {
  handle(request: ServiceRequest): Promise<ServiceResponse>
  /** Requests that are worked on or wait. */
  readonly inProgress: number
}

/** A route answers with this status by throwing it (404, 401, 429 ...). */
export class HttpError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.code = code
  }
}

/** Thrown by a fault that acts on the code of a route. Answers 500. */
export class InjectedError extends Error {
  readonly reason: string | undefined
  constructor(type: string, message: string, reason?: string) {
    super(message)
    this.name = type
    this.reason = reason
  }
}

export function createHttpServer(ports: Ports, routes: readonly Route[], options: HttpServerOptions): HttpServer {
  const { clock, faults } = ports
  const accessLog = createAccessLog(ports.logger.child('http'))
  const table = new Map(routes.map((route) => [route.route, describeRoute(route)]))
  const unbounded = new Set(options.unbounded ?? [])
  const contexts = createRequestContext(ports.rng.fork('http/context'), options.sampling)
  const workers = createGate(clock, {
    slots: options.workers,
    queueMax: options.queue,
    waitMsMax: options.queueTimeoutMs,
  })
  let inProgress = 0

  async function handle(request: ServiceRequest): Promise<ServiceResponse> {
    const startMs = clock.nowMs()
    const { method, endpoint, handler } =
      table.get(request.route) ?? describeRoute({ route: request.route, handle: notFound })
    const context = contexts(request.headers)
    const span = startServerSpan(request, context)
    inProgress += 1
    options.observer.started(request, method, endpoint)
    if (context.sampled) accessLog.started(method, endpoint, context)

    let response: ServiceResponse
    let failure: Error | undefined
    const bounded = !unbounded.has(request.route)
    const admitted = !bounded || (await workers.enter())
    if (!admitted) {
      failure = new HttpError(503, 'overloaded', 'no worker became free in time')
      response = errorResponse(failure)
    } else {
      try {
        const fault = faults.at('route', { route: request.route })
        if (fault) await applyFault(fault)
        response = await (requestsAreFollowed()
          ? runWithRequestContext(context, () => runWithActiveSpan(context.span, () => handler(request, context)))
          : handler(request, context))
      } catch (error) {
        failure = error as Error
        response = errorResponse(failure)
      }
      if (bounded) workers.leave()
    }

    inProgress -= 1
    const durationS = Math.round((clock.nowMs() - startMs) * 1000) / 1e6
    const { status } = response
    options.observer.finished({
      request,
      context,
      method,
      endpoint,
      status,
      responseBytes: response.bodyBytes,
      durationS,
      error: failure,
    })
    finishSpan(span, context, status, failure)
    const answered = { method, endpoint, status, duration: durationS }
    if (status >= 500) accessLog.failed(answered, context, failure)
    else if (context.sampled) accessLog.completed(answered, context)
    return response
  }

  function startServerSpan(request: ServiceRequest, context: RequestContext): Span | undefined {
    if (!context.sampled) return undefined
    const [method, endpoint] = request.route.split(' ') as [string, string]
    const attributes = { 'http.request.method': method, 'http.route': endpoint }
    const { traceparent } = extractContext(request.headers)
    const spanOptions = { kind: SpanKind.SERVER, attributes }
    context.span = traceparent
      ? ports.tracer.startRemote(request.route, traceparent, spanOptions)
      : ports.tracer.startRoot(request.route, context.traceId, spanOptions)
    return context.span
  }

  async function applyFault(fault: { delayMs?: number; error?: { type: string; message: string; reason?: string } }) {
    if (fault.delayMs) await clock.sleep(fault.delayMs)
    if (fault.error) throw new InjectedError(fault.error.type, fault.error.message, fault.error.reason)
  }

  return {
    handle,
    get inProgress() {
      return inProgress
    },
  }
}

function describeRoute(route: Route) {
  const space = route.route.indexOf(' ')
  return { method: route.route.slice(0, space), endpoint: route.route.slice(space + 1), handler: route.handle }
}

async function notFound(): Promise<never> {
  throw new HttpError(404, 'not_found', 'no such route')
}

function errorResponse(error: Error): ServiceResponse {
  const [status, code] = statusOf(error)
  return { status, body: { error: code, message: error.message }, bodyBytes: 60 + error.message.length }
}

/** Errors that a route did not handle: a missing dependency is 503 (or 504), anything else is a bug: 500. */
function statusOf(error: Error): [status: number, code: string] {
  if (error instanceof HttpError) return [error.status, error.code]
  if (error instanceof DependencyError)
    return error.kind === 'timeout' ? [504, 'timeout'] : [503, 'dependency_unavailable']
  return [500, 'internal_error']
}

function finishSpan(span: Span | undefined, context: RequestContext, status: number, error: Error | undefined): void {
  if (!span) return
  span.setAttribute('http.response.status_code', status)
  span.setAttribute('tenant.id', context.tenantId)
  if (error && status >= 500) span.fail(error)
  span.end()
}
