/** What a director does when an agent hangs, or an order gets lost, while their connection stands. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { RemoteParts } from '../../simulator/live/agent/remote-parts.ts'

type Respond = (order: string, request: IncomingMessage, response: ServerResponse) => void

const report = { part: 'ml-engine', phase: 'waiting', lives: 1, begun: 0, deaths: 0 }
let server: Server
let parts: RemoteParts

afterEach(() => {
  parts.killAll()
  server.closeAllConnections()
  server.close()
})

/** An agent that takes the part at once, and answers orders as it is told to. @returns orders that came, and what was said */
async function directed(respond: Respond): Promise<{ orders: string[]; said: string[] }> {
  const orders: string[] = []
  const said: string[] = []
  server = createServer((request, response) => {
    const order = request.url!.split('/').at(-1)!
    if (order === 'run') return response.write(`${JSON.stringify(report)}\n`)
    orders.push(order)
    respond(order, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const away = '127.0.0.1:1'
  const here = `127.0.0.1:${(server.address() as AddressInfo).port}`
  parts = new RemoteParts({
    agents: { 'backend-api': away, 'ml-engine': here, 'data-pipeline': away, exporters: away },
    token: 'a-token-of-this-test-alone',
    settings: () => ({}),
    release() {},
    disconnect() {},
    onDeath() {},
    say: (_, line) => said.push(line),
  })
  parts.prepare('ml-engine')
  return { orders, said }
}

const carryOut = (response: ServerResponse) => response.end(JSON.stringify(report))

test('an order that got lost is given again until it is carried out, before the next one, and told once', async () => {
  let lost = 0
  const { orders, said } = await directed((order, request, response) => {
    if (order === 'start' && lost++ < 2) request.socket.destroy()
    else carryOut(response)
  })
  await vi.waitFor(() => expect(orders).toEqual(['prepare']))
  parts.start('ml-engine')
  parts.freeze('ml-engine')
  await vi.waitFor(() => expect(orders).toEqual(['prepare', 'start', 'start', 'start', 'freeze']), 10_000)
  expect(said).toHaveLength(1)
  expect(said[0]).toMatch(/^its agent did not start: /)
})

test('an agent that hangs is not waited for longer than its process may take to end, and half a second', async () => {
  const { orders } = await directed((order, _, response) => {
    if (order === 'prepare') carryOut(response)
  })
  await vi.waitFor(() => expect(orders).toEqual(['prepare']))
  parts.start('ml-engine')
  await vi.waitFor(() => expect(orders).toEqual(['prepare', 'start']))
  const before = performance.now()
  await parts.stop(['ml-engine'], 200)
  // Any other order has 5 s. It takes 700 ms; the rest is for a machine under load.
  expect(performance.now() - before).toBeLessThan(3_000)
  expect(orders).toEqual(['prepare', 'start', 'stop'])
})

test('once the director leaves, no order is given again', async () => {
  const { orders } = await directed((order, request, response) => {
    if (order === 'start') request.socket.destroy()
    else carryOut(response)
  })
  await vi.waitFor(() => expect(orders).toEqual(['prepare']))
  parts.start('ml-engine')
  await vi.waitFor(() => expect(orders).toEqual(['prepare', 'start']))
  parts.killAll()
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  expect(orders).toEqual(['prepare', 'start'])
})
