/**
 * A port that can break things, and so has a token of its own and believes nothing that a web page could make a browser
 * send. What it does is its owner's business; who gets in is decided here.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { z } from 'zod'

export interface GuardedServerOptions {
  /** What it is, for messages: `the control port`. */
  readonly what: string
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** Names that the Host header may have besides the address and those of this machine. */
  readonly names?: readonly string[]
  /** Asked for each request. Undefined: nobody gets in yet. */
  token(): string | undefined
  /** Only for who got in. @throws Refusal */
  respond(request: IncomingMessage, response: ServerResponse, asked: string, query: URLSearchParams): Promise<void>
}

export interface GuardedServer {
  /** `host:port`, as this machine reaches it. */
  readonly address: string
  close(): void
}

/** What the one who asks is told, with the status. */
export class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const tokenLengthMin = 16
const ownHosts = ['127.0.0.1', 'localhost', '[::1]']
const everywhere = ['0.0.0.0', '[::]', '::']

/** @throws Error when the port is taken */
export function startGuardedServer(options: GuardedServerOptions): Promise<GuardedServer> {
  const { host, port, what } = options
  const server = createServer((request, response) => {
    respond(request, response, options).catch((error: Error) => {
      const [status, message] = error instanceof Refusal ? [error.status, error.message] : [500, `${what} has a bug`]
      if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(`${JSON.stringify({ error: message })}\n`)
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(guardedServer(server, host)))
  })
}

function guardedServer(server: Server, host: string): GuardedServer {
  return {
    address: `${everywhere.includes(host) ? ownHosts[0] : host}:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: GuardedServerOptions,
): Promise<void> {
  refuseForeigners(request, options)
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://guarded')
  await options.respond(request, response, `${request.method} ${pathname}`, searchParams)
}

/** A page in a browser can reach 127.0.0.1: by its own name (DNS rebinding), or across origins. Neither gets in. */
function refuseForeigners({ headers }: IncomingMessage, { host, names = [], token }: GuardedServerOptions): void {
  const named = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  const allowed = [
    ...ownHosts,
    ...names.map((name) => name.toLowerCase()),
    ...(everywhere.includes(host) ? [] : [host]),
  ]
  if (!allowed.includes(named)) throw new Refusal(403, 'the Host header names another host')
  if (headers.origin !== undefined) throw new Refusal(403, 'requests of web pages are refused')
  const given = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
  const wanted = token()
  if (wanted === undefined || wanted.length < tokenLengthMin || !isSame(given, wanted)) {
    throw new Refusal(401, 'the token is missing or wrong')
  }
}

/** In constant time, so that a token can't be guessed character by character. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

export function answerJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

/**
 * Each line a whole state; the connection stays open as long as both live.
 * @param listen is handed who takes a state, and returns what stops
 */
export function streamStates<State>(
  response: ServerResponse,
  listen: (tell: (state: State) => void) => () => void,
): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  const stop = listen((state) => response.write(`${JSON.stringify(state)}\n`))
  response.on('close', stop)
}

/** @throws Refusal for a body of another type, longer than allowed, no JSON, or not as the schema says */
export async function readBody<Schema extends z.ZodType>(
  request: IncomingMessage,
  schema: Schema,
  bytesMax: number,
): Promise<z.infer<Schema>> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim()
  if (type !== 'application/json') throw new Refusal(415, 'send application/json')
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > bytesMax) throw new Refusal(413, `the body is longer than ${bytesMax} bytes`)
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
