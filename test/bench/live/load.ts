/** Loads a server over kept connections, one request at a time on each, and starts the servers that are loaded. */
import { type ChildProcess, fork } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { ServerMessage, ServerPlan } from './server-process.ts'

export interface MeasuredServer {
  readonly port: number
  /** Answers with prom-client's own text of the same registry. */
  readonly clientPort: number
  processorSeconds(): Promise<number>
  /** Ends it, after what is buffered was sent. */
  close(): Promise<{ spans: number; spansDropped: number; processorSeconds: number }>
}

export async function startServer(plan: ServerPlan): Promise<MeasuredServer> {
  const file = fileURLToPath(new URL('./server-process.js', import.meta.url))
  const child = fork(file, [JSON.stringify(plan)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const answer = await next(child)
  if (!('ready' in answer)) throw new Error('the server did not say where it listens')
  return {
    ...answer.ready,
    async processorSeconds() {
      child.send('usage')
      const { usage } = (await next(child)) as Extract<ServerMessage, { usage: unknown }>
      return usage.processorSeconds
    },
    async close() {
      child.send('close')
      const { closed } = (await next(child)) as Extract<ServerMessage, { closed: unknown }>
      return closed
    },
  }
}

function next(child: ChildProcess): Promise<ServerMessage> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the measured server ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as ServerMessage)
    })
  })
}

export interface Load {
  readonly port: number
  /** Sent in turn, each a whole HTTP request. */
  readonly requests: readonly string[]
  readonly count: number
  readonly connections: number
}

/** @returns seconds until all were answered. @throws Error when one was answered with anything but success */
export async function answerAll({ port, requests, count, connections }: Load): Promise<number> {
  const startedMs = performance.now()
  let sent = 0
  const ask = async () => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    while (sent < count) await exchange(socket, requests[sent++ % requests.length]!)
    socket.destroy()
  }
  await Promise.all(Array.from({ length: connections }, ask))
  return (performance.now() - startedMs) / 1000
}

/** Our servers say how long their answers are, so an answer is whole when so much of it is there. */
function exchange(socket: Socket, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const take = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
      if (text.length < head + 4 + length) return
      socket.off('data', take)
      if (/^HTTP\/1\.1 2/.test(text)) resolve()
      else reject(new Error(`the measured server answered ${text.slice(0, head)}`))
    }
    socket.on('data', take)
    socket.write(request)
  })
}
