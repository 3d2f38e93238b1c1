/** A server on a free port that answers as a test tells it to, and keeps what it was sent. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Behaviour =
  | {
      readonly status: number
      readonly body?: string
      readonly headers?: Record<string, string>
      readonly afterMs?: number
    }
  | 'hang'
  | 'reset'

export interface MisbehavingServer {
  readonly url: string
  /** Bodies of the requests that were answered with success. */
  readonly accepted: string[]
  /** Bodies of all requests. */
  readonly seen: string[]
  close(): Promise<void>
}

/** @param behave asked for each request, numbered from 0 */
export async function startMisbehavingServer(behave: (request: number) => Behaviour): Promise<MisbehavingServer> {
  const accepted: string[] = []
  const seen: string[] = []
  const server: Server = createServer((request, response) => void answer(request, response))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('latin1')
    const behaviour = behave(seen.length)
    seen.push(body)
    if (behaviour === 'hang') return
    if (behaviour === 'reset') {
      request.socket.destroy()
      return
    }
    if (behaviour.afterMs) await new Promise((resolve) => setTimeout(resolve, behaviour.afterMs))
    if (behaviour.status < 300) accepted.push(body)
    response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '')
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
