/**
 * The control port: faults by hand, and the states that the processes listen to. It can break the platform, so it is a
 * port of its own with a token of its own, and believes nothing that a web page could make a browser send.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { durationSchema, ratioSchema } from '../../services/runtime/schema-types.ts'
import { type FaultBoard, FaultRequestError } from './fault-board.ts'
import type { PlatformState } from './platform-state.ts'

export interface ControlServerOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** Undefined is only allowed on this machine's own address, and only for tests of that rule. */
  readonly token: string | undefined
  readonly board: FaultBoard
  readonly state: PlatformState
}

export interface ControlServer {
  /** `host:port`. */
  readonly address: string
  close(): void
}

const bodyBytesMax = 16_384
const ownHosts = ['127.0.0.1', 'localhost', '[::1]']

const injectSchema = z.strictObject({
  fault: z.string(),
  params: z.record(z.string(), z.unknown()).default({}),
  severity: ratioSchema.optional(),
  hold: durationSchema.optional(),
})
const healSchema = z.union([z.strictObject({ id: z.string() }), z.strictObject({ all: z.literal(true) })])

/** @throws Error when it would listen on another address without a token, or the port is taken */
export function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { host, port, token } = options
  if (token === undefined || token.length < 16) {
    throw new Error(`the control port does not start on ${host} without a token`)
  }
  const server = createServer((request, response) => {
    respond(request, response, options).catch((error: Error) => {
      const [status, message] =
        error instanceof Refusal ? [error.status, error.message] : [500, 'the control port has a bug']
      if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(`${JSON.stringify({ error: message })}\n`)
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(controlServer(server, host)))
  })
}

function controlServer(server: Server, host: string): ControlServer {
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: ControlServerOptions,
): Promise<void> {
  refuseForeigners(request, options)
  const { board, state } = options
  const { pathname } = new URL(request.url ?? '/', 'http://control')
  const answer = (body: unknown) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
  }
  const asked = `${request.method} ${pathname}`
  const process = /^GET \/processes\/([a-z-]+)\/state$/.exec(asked)?.[1]
  if (process !== undefined && state.isProcess(process)) return streamState(response, state, process)
  switch (asked) {
    case 'GET /faults':
      return answer({ faults: board.list() })
    case 'POST /faults/inject': {
      const { fault, params, severity, hold } = await readBody(request, injectSchema)
      try {
        return answer({ fault: board.inject({ fault, params, severity, holdMs: hold }, 'hand') })
      } catch (error) {
        if (error instanceof FaultRequestError) throw new Refusal(422, error.message)
        throw error
      }
    }
    case 'POST /faults/heal': {
      const wanted = await readBody(request, healSchema)
      if ('all' in wanted) return answer({ healed: board.healAll('hand') })
      const healed = board.heal(wanted.id, 'hand')
      if (!healed) throw new Refusal(404, `no fault has the id "${wanted.id}"`)
      return answer({ healed: [healed] })
    }
  }
  throw new Refusal(404, 'there is no such route')
}

/** Each line a whole state; the connection stays open as long as both live. */
function streamState(response: ServerResponse, state: PlatformState, process: string): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  const stop = state.listen(process, (next) => response.write(`${JSON.stringify(next)}\n`))
  response.on('close', stop)
}

/** A page in a browser can reach 127.0.0.1: by its own name (DNS rebinding), or across origins. Neither gets in. */
function refuseForeigners({ headers }: IncomingMessage, { host, token }: ControlServerOptions): void {
  const named = (headers.host ?? '').replace(/:\d+$/, '')
  const isOwn = ownHosts.includes(host) ? ownHosts.includes(named) : named !== ''
  if (!isOwn) throw new Refusal(403, 'the Host header names another host')
  if (headers.origin !== undefined) throw new Refusal(403, 'requests of web pages are refused')
  const given = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
  if (!isSame(given, token!)) throw new Refusal(401, 'the token is missing or wrong')
}

/** In constant time, so that a token can't be guessed character by character. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

async function readBody<Schema extends z.ZodType>(request: IncomingMessage, schema: Schema): Promise<z.infer<Schema>> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim()
  if (type !== 'application/json') throw new Refusal(415, 'send application/json')
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > bodyBytesMax) throw new Refusal(413, `the body is longer than ${bodyBytesMax} bytes`)
  }
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new Refusal(400, 'the body is no JSON')
  }
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  throw new Refusal(422, problems.join('; '))
}
