/**
 * The ports as a service gets them: HTTP, cache, database and bus make their spans by themselves, below the span of the
 * context that is handed to them, and send the context along. Without a span they are the world's own ports.
 */
import type { Ports, RequestContext } from './ports.ts'
import { CacheTracer, DatabaseTracer } from './telemetry/operation-tracers.ts'
import { injectContext } from './telemetry/propagation.ts'
import { type Span, SpanKind } from './telemetry/tracing.ts'

export function withSpans(ports: Ports): Ports {
  const { bus, cache, database, http, tracer } = ports
  const caches = new CacheTracer(tracer)
  const databases = new DatabaseTracer(tracer)
  return {
    ...ports,
    http: {
      request(request, context) {
        if (!context) return http.request(request)
        const span = startCall(request.to, request.route, context)
        return ended(span, http.request({ ...request, headers: injectContext({ ...request.headers }, context, span) }))
      },
    },
    cache: {
      get: (key, context) => ended(caches.startOperation('get', key, context?.span), cache.get(key)),
      set: (key, value, options, context) =>
        ended(caches.startOperation('set', key, context?.span), cache.set(key, value, options)),
      usage: (prefix) => cache.usage(prefix),
    },
    database: {
      poolName: database.poolName,
      get poolSize() {
        return database.poolSize
      },
      query: (query, parent) =>
        ended(
          databases.startQuery({ operation: query.type, statement: query.statement }, parent?.span),
          database.query(query),
        ),
      tenantBytes: () => database.tenantBytes(),
    },
    bus: {
      publish(batch, context) {
        const span = startPublish(batch.topic, batch.count, context)
        return ended(
          span,
          bus.publish(span ? { ...batch, headers: injectContext({ ...batch.headers }, {}, span) } : batch),
        )
      },
      poll: (topic, partition, group, maxMessages) => bus.poll(topic, partition, group, maxMessages),
      commit: (topic, partition, group, offset) => bus.commit(topic, partition, group, offset),
      partitions: (topic, group) => bus.partitions(topic, group),
    },
  }

  function startCall(to: string, route: string, { span }: RequestContext): Span | undefined {
    if (!span) return undefined
    return tracer.startChild(`${to.replaceAll('-', '_')}_call`, span, {
      kind: SpanKind.CLIENT,
      attributes: {
        'http.request.method': route.slice(0, route.indexOf(' ')),
        'server.address': to,
        'http.route': route,
      },
    })
  }

  function startPublish(topic: string, count: number, context: RequestContext | undefined): Span | undefined {
    if (!context?.span) return undefined
    return tracer.startChild('kafka.produce', context.span, {
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.destination.name': topic,
        'messaging.batch.message_count': count,
      },
    })
  }
}

/** The operation's own promise where there is no span: most requests are not sampled. */
function ended<T>(span: Span | undefined, operation: Promise<T>): Promise<T> {
  if (!span) return operation
  return operation.then(
    (value) => {
      span.end()
      return value
    },
    (error: Error) => {
      span.fail(error)
      span.end()
      throw error
    },
  )
}
