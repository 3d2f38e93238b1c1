/** Ports of this machine: which are taken, and which are free. */
import { createServer, type Server } from 'node:net'

export interface PortClash {
  readonly name: string
  readonly port: number
  /** What the system says, for example EADDRINUSE. */
  readonly reason: string
}

/** Tries every one of them, so that all clashes are told at once and before anything is started. */
export async function findClashes(host: string, ports: Readonly<Record<string, number>>): Promise<PortClash[]> {
  const clashes: PortClash[] = []
  const servers: Server[] = []
  for (const [name, port] of Object.entries(ports)) {
    const outcome = await listen(host, port)
    if (typeof outcome === 'string') clashes.push({ name, port, reason: outcome })
    else servers.push(outcome)
  }
  await Promise.all(servers.map(close))
  return clashes
}

/** Held all at once, so that no two are the same; free again when this resolves. */
export async function freePorts(host: string, names: readonly string[]): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  const servers: Server[] = []
  for (const name of names) {
    const server = await listen(host, 0)
    if (typeof server === 'string') throw new Error(`no port is free on ${host}: ${server}`)
    servers.push(server)
    ports[name] = (server.address() as { port: number }).port
  }
  await Promise.all(servers.map(close))
  return ports
}

function listen(host: string, port: number): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, host, () => resolve(server))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
