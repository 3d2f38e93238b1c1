/** Calls other services over real HTTP, with connections that are kept, a time-out, and the links' faults. */
import { Agent, request as httpRequest } from 'node:http'
import type { Container } from '../../infrastructure/container.ts'
import { DependencyError, type HttpClient, type OutgoingRequest, type ServiceResponse } from '../ports.ts'
import type { Links } from './links.ts'
import type { LiveClock } from './live-clock.ts'

export interface LiveHttpClientOptions {
  readonly clock: LiveClock
  readonly links: Pick<Links, 'pass'>
  /** Books what is sent and received; a client that is no service has none. */
  readonly container?: Container
  addressOf(service: string): { host: string; port: number }
}

/**
 * Time-outs are never shorter than this, milliseconds of the machine: at high speeds a time-out of the platform would
 * be shorter than a busy machine needs for any answer.
 */
export const timeoutWallMsMin = 250
const headerBytes = 300

export function createLiveHttpClient(options: LiveHttpClientOptions): HttpClient & { close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 })
  return {
    async request(request) {
      const { to, timeoutMs } = request
      const timeoutWallMs = Math.max(options.clock.wallMs(timeoutMs), timeoutWallMsMin)
      const link = options.links.pass(to)
      const addedWallMs = link && link !== 'lost' ? options.clock.wallMs(link.addedMs) : 0
      if (link === 'lost' || addedWallMs >= timeoutWallMs) {
        // Only the caller's time-out notices.
        await new Promise((resolve) => setTimeout(resolve, timeoutWallMs))
        throw timedOut(request)
      }
      if (addedWallMs > 0) await new Promise((resolve) => setTimeout(resolve, addedWallMs))
      return send(request, agent, timeoutWallMs - addedWallMs, options)
    },
    close: () => agent.destroy(),
  }
}

function send(
  request: OutgoingRequest,
  agent: Agent,
  timeoutWallMs: number,
  { container, addressOf }: LiveHttpClientOptions,
): Promise<ServiceResponse> {
  return new Promise((resolve, reject) => {
    const { to } = request
    const { host, port } = addressOf(to)
    const [method, path] = resolvePath(request)
    const body = request.body === undefined ? undefined : JSON.stringify(request.body)
    const headers: Record<string, string> = { ...request.headers }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = String(Buffer.byteLength(body))
    }
    if (container) container.networkSentBytes += (request.bodyBytes ?? 0) + headerBytes
    const outgoing = httpRequest({ host, port, method, path, headers, agent }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('error', () => fail(new DependencyError(to, 'reset', `connection to ${to} was reset`)))
      answer.on('end', () => {
        clearTimeout(timer)
        if (container) container.networkReceivedBytes += text.length + headerBytes
        resolve({
          status: answer.statusCode ?? 0,
          body: parse(text),
          bodyBytes: text.length,
          headers: answer.headers as Record<string, string>,
        })
      })
    })
    const fail = (error: DependencyError) => {
      clearTimeout(timer)
      reject(error)
    }
    const timer = setTimeout(() => {
      fail(timedOut(request))
      outgoing.destroy()
    }, timeoutWallMs)
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const refused = error.code === 'ECONNREFUSED'
      fail(
        new DependencyError(
          to,
          refused ? 'refused' : 'reset',
          refused ? `connection refused by ${host}:${port}` : `connection to ${to} was reset`,
        ),
      )
    })
    outgoing.end(body)
  })
}

function timedOut({ to, timeoutMs }: OutgoingRequest): DependencyError {
  return new DependencyError(to, 'timeout', `no answer from ${to} within ${timeoutMs} ms`)
}

/** `GET /items/{id}` with its parameters becomes `GET`, `/items/i7`. */
function resolvePath({ route, params = {} }: OutgoingRequest): [method: string, path: string] {
  const space = route.indexOf(' ')
  const path = route
    .slice(space + 1)
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  return [route.slice(0, space), path]
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}
