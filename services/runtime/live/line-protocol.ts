/**
 * How live services talk to the servers that are models (database, cache, broker, host): one JSON object a line over
 * TCP, answers matched by number. A server that is stopped closes its port, so its outage is real for whoever calls.
 */
import { createServer, type Server, Socket } from 'node:net'
import { DependencyError, type DependencyFailure } from '../ports.ts'

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { dependency: string; kind: DependencyFailure; message: string } }

/** A line longer than this is no request of ours. */
const lineCharactersMax = 1_000_000

export class LineConnection {
  readonly #name: string
  readonly #address: { host: string; port: number }
  readonly #onBytes: (sent: number, received: number) => void
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  #socket: Socket | undefined
  #connected = false
  #nextId = 1
  #outgoing = ''

  /** @param name of the server, for errors. The connection is made with the first request, and again after it broke. */
  constructor(
    name: string,
    address: { host: string; port: number },
    onBytes: (sent: number, received: number) => void = () => {},
  ) {
    this.#name = name
    this.#address = address
    this.#onBytes = onBytes
  }

  get isOpen(): boolean {
    return this.#connected
  }

  /** @throws DependencyError refused, reset, or what the server says */
  request<Result>(operation: string, data: unknown): Promise<Result> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      const first = this.#outgoing === ''
      this.#outgoing += `${JSON.stringify({ id, operation, data })}\n`
      // Requests of the same turn travel in one packet: writing is what costs most.
      if (first) setImmediate(() => this.#flush())
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #flush(): void {
    const text = this.#outgoing
    this.#outgoing = ''
    this.#onBytes(text.length, 0)
    this.#socket ??= this.#open()
    this.#socket.write(text)
  }

  #open(): Socket {
    const socket = new Socket()
    socket.setNoDelay(true)
    socket.setEncoding('utf8')
    let wasConnected = false
    socket.on('connect', () => {
      wasConnected = true
      this.#connected = true
    })
    const read = lineReader((line) => {
      this.#onBytes(0, line.length)
      this.#settle(JSON.parse(line) as Answer)
    })
    socket.on('data', (chunk: unknown) => read(chunk as string))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) {
        this.#socket = undefined
        this.#connected = false
      }
      const kind = wasConnected ? 'reset' : 'refused'
      const message = wasConnected ? `connection to ${this.#name} was closed` : `connection refused by ${this.#name}`
      const waiting = [...this.#waiting.values()]
      this.#waiting.clear()
      for (const { reject } of waiting) reject(new DependencyError(this.#name, kind, message))
    })
    socket.connect(this.#address)
    return socket
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    if (!waiting) return
    this.#waiting.delete(answer.id)
    if ('error' in answer) {
      const { dependency, kind, message } = answer.error
      waiting.reject(new DependencyError(dependency, kind, message))
    } else {
      waiting.resolve(answer.result)
    }
  }
}

export interface LineServerOptions {
  /** Answers one request. A DependencyError reaches the caller as such; anything else is a bug of ours. */
  handle(operation: string, data: never, connection: object): Promise<unknown> | unknown
  onConnect?(connection: object): void
  onClose?(connection: object): void
  onBug(error: Error): void
}

/** A server that can be stopped (its port refuses, its connections are reset) and started again. */
export class LineServer {
  readonly #options: LineServerOptions
  readonly #address: { host: string; port: number }
  readonly #sockets = new Set<Socket>()
  readonly #outgoing = new Map<Socket, string>()
  #server: Server | undefined

  constructor(address: { host: string; port: number }, options: LineServerOptions) {
    this.#address = address
    this.#options = options
  }

  start(): Promise<void> {
    if (this.#server) return Promise.resolve()
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#address.port, this.#address.host, resolve)
    })
  }

  stop(): void {
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.setEncoding('utf8')
    this.#options.onConnect?.(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#options.onClose?.(socket)
    })
    const read = lineReader(
      (line) => void this.#answer(socket, line),
      () => socket.destroy(),
    )
    socket.on('data', (chunk: unknown) => read(chunk as string))
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    let id = 0
    try {
      const request = JSON.parse(line) as { id: number; operation: string; data: never }
      id = request.id
      const result = await this.#options.handle(request.operation, request.data, socket)
      this.#send(socket, { id, result })
    } catch (error) {
      if (error instanceof DependencyError) {
        const { dependency, kind, message } = error
        this.#send(socket, { id, error: { dependency, kind, message } })
        return
      }
      socket.destroy()
      // What is no request of this protocol (a port scanner) is the sender's mistake.
      if (!(error instanceof SyntaxError)) this.#options.onBug(error as Error)
    }
  }

  /** Answers of the same turn travel in one packet, too. */
  #send(socket: Socket, answer: Answer): void {
    const before = this.#outgoing.get(socket)
    this.#outgoing.set(socket, `${before ?? ''}${JSON.stringify(answer)}\n`)
    if (before !== undefined) return
    setImmediate(() => {
      const text = this.#outgoing.get(socket)!
      this.#outgoing.delete(socket)
      if (!socket.destroyed) socket.write(text)
    })
  }
}

/** @returns takes chunks of text and calls back with each whole line */
function lineReader(onLine: (line: string) => void, onTooLong: () => void = () => {}): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
    if (rest.length > lineCharactersMax) {
      rest = ''
      onTooLong()
    }
  }
}
