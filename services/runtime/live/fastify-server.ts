/** Puts a service's routes, and /metrics, on a real port. What is between port and route is the services' own server. */
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { Container } from '../../infrastructure/container.ts'
import type { ServiceInstance } from '../define-service.ts'
import { exposeText } from './exposition-text.ts'

export interface FastifyServerOptions {
  readonly instance: ServiceInstance
  readonly registry: Registry
  /** Brings the registry up to date. */
  readonly beforeScrape: () => void
  readonly container?: Container
}

const bodyBytesMax = 1_048_576
const headerBytes = 300

export function createFastifyServer(options: FastifyServerOptions): FastifyInstance {
  const { instance, registry, beforeScrape, container } = options
  const app = Fastify({ logger: false, bodyLimit: bodyBytesMax, forceCloseConnections: true })
  for (const { route } of instance.routes) {
    const space = route.indexOf(' ')
    app.route({
      method: route.slice(0, space),
      url: route.slice(space + 1).replaceAll(/\{(\w+)\}/g, ':$1'),
      async handler(request, reply) {
        const bodyBytes = Number(request.headers['content-length'] ?? 0)
        if (container) container.networkReceivedBytes += bodyBytes + headerBytes
        const answer = await instance.server.handle({
          route,
          params: request.params as Record<string, string>,
          headers: headersOf(request),
          body: request.body ?? undefined,
          bodyBytes,
        })
        if (container) container.networkSentBytes += answer.bodyBytes + headerBytes
        reply.code(answer.status)
        if (answer.headers) reply.headers(answer.headers)
        return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.body))
      },
    })
  }
  app.get('/metrics', async (request, reply) => {
    beforeScrape()
    const { contentType, text } = await exposeText(registry, request.headers.accept)
    return reply.header('content-type', contentType).send(text)
  })
  app.setNotFoundHandler(async (request, reply) => {
    // One label value for all of them: what anybody asks for must not become a series.
    const route = `${request.method} {unknown}`
    const answer = await instance.server.handle({
      route,
      params: {},
      headers: headersOf(request),
      body: undefined,
      bodyBytes: 0,
    })
    return reply.code(answer.status).send(answer.body)
  })
  // Bodies that are no JSON, too long, or of another type never reach a route.
  app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    return reply
      .code(status)
      .send({ error: status < 500 ? 'invalid_request' : 'internal_error', message: error.message })
  })
  return app
}

function headersOf(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}
