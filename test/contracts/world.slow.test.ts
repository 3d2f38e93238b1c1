/**
 * Both worlds give the same answers: the same requests, the same status, the same shape of body; and the same failures
 * while the same faults act. The live world runs as real processes on free ports.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLiveHttpClient } from '../../services/runtime/live/live-http-client.ts'
import { DependencyError, type OutgoingRequest } from '../../services/runtime/ports.ts'
import type { FaultWorld } from '../../simulator/faults/define-fault.ts'
import { findFault } from '../../simulator/faults/index.ts'
import { LivePlatform } from '../../simulator/live/live-platform.ts'
import { documentedPorts } from '../../simulator/live/platform-settings.ts'
import { freePorts } from '../../simulator/live/ports.ts'
import { createTenants } from '../../simulator/workload/tenants.ts'
import { createFaultControls } from '../../simulator/world/fault-controls.ts'
import { VirtualWorld } from '../../simulator/world/virtual-world.ts'
import { shippedDrill } from '../drill/run-scenario.ts'

interface TestedWorld {
  /** Status and body, or how the call failed. */
  request(request: Omit<OutgoingRequest, 'timeoutMs'>): Promise<{ status: number; body: unknown } | { failed: string }>
  inject(fault: string, params: Record<string, unknown>): Promise<() => Promise<void>>
  /** Lets time pass, milliseconds. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

const drill = shippedDrill('steady-state')
const [tenant] = createTenants(drill.world)
const user = { authorization: `Bearer ${tenant!.id}/u1` }
const timeoutMs = 20_000
const load = [{ startMs: 0, endMs: 3_600_000, fromPerSecond: 0, toPerSecond: 0, daily: 0 }]

const requests: readonly (Omit<OutgoingRequest, 'timeoutMs'> & { readonly name: string })[] = [
  { name: 'health of the API', to: 'backend-api', route: 'GET /health' },
  { name: 'health of the ML engine', to: 'ml-engine', route: 'GET /health' },
  { name: 'health of the data pipeline', to: 'data-pipeline', route: 'GET /health' },
  { name: 'recommendations', to: 'backend-api', route: 'GET /recommendations', headers: user },
  { name: 'no token', to: 'backend-api', route: 'GET /recommendations' },
  {
    name: 'a forged token',
    to: 'backend-api',
    route: 'GET /recommendations',
    headers: { authorization: 'Bearer forged' },
  },
  { name: 'an item', to: 'backend-api', route: 'GET /items/{id}', params: { id: 'i 1/2' }, headers: user },
  { name: 'usage', to: 'backend-api', route: 'GET /usage', headers: user },
  { name: 'a token', to: 'backend-api', route: 'POST /token', headers: user, body: {} },
  {
    name: 'interactions',
    to: 'backend-api',
    route: 'POST /interactions',
    headers: user,
    body: { events: 3, clicks: 1 },
  },
  { name: 'no interactions', to: 'backend-api', route: 'POST /interactions', headers: user, body: { events: 0 } },
  { name: 'a route that is not there', to: 'backend-api', route: 'GET /nothing', headers: user },
  {
    name: 'a list of the ML engine',
    to: 'ml-engine',
    route: 'POST /recommend',
    body: { tenantId: tenant!.id, userId: 'u1', k: 5 },
  },
  {
    name: 'an unknown tenant',
    to: 'ml-engine',
    route: 'POST /search',
    body: { tenantId: 'nobody', userId: 'u1', k: 5 },
  },
]

let virtual: TestedWorld
let live: TestedWorld

beforeAll(async () => {
  virtual = createVirtual()
  live = await createLive()
}, 120_000)

afterAll(async () => {
  await live?.close()
}, 60_000)

describe('the same request gets the same answer in both worlds', () => {
  test.each(requests)('$name', async ({ name: _, ...request }) => {
    const there = await virtual.request(request)
    expect(shapeOf(await live.request(request))).toEqual(shapeOf(there))
    expect(there).toHaveProperty('status')
  })
})

describe.each([
  ['virtual', () => virtual],
  ['live', () => live],
])('in the %s world', (_, world) => {
  const health = { to: 'ml-engine', route: 'GET /health' }

  test('a crashed service refuses until it is started again', async () => {
    const heal = await world().inject('service.crash', { target: { service: 'ml-engine' } })
    expect(await world().request(health)).toEqual({ failed: 'refused' })
    await heal()
    expect(await world().request(health)).toMatchObject({ status: 200 })
  })

  test('a service that hangs does not answer, and does again', async () => {
    const heal = await world().inject('service.hang', { target: { service: 'ml-engine' } })
    expect(await world().request(health)).toEqual({ failed: 'timeout' })
    await heal()
    expect(await world().request(health)).toMatchObject({ status: 200 })
  })

  test('without its database the API answers 503, and 200 again when it is back', async () => {
    const usage = { to: 'backend-api', route: 'GET /usage', headers: user }
    const heal = await world().inject('dependency.outage', { target: { dependency: 'postgres' } })
    expect(await world().request(usage)).toMatchObject({ status: 503, body: { error: 'dependency_unavailable' } })
    await heal()
    expect(await world().request(usage)).toMatchObject({ status: 200 })
  })

  test('without its cache the API answers all the same', async () => {
    const heal = await world().inject('dependency.outage', { target: { dependency: 'redis' } })
    const recommendations = { to: 'backend-api', route: 'GET /recommendations', headers: user }
    expect(await world().request(recommendations)).toMatchObject({ status: 200 })
    await heal()
  })

  test('code that throws answers 500 with its message', async () => {
    const params = { target: { service: 'ml-engine' }, ratio: 1, spread: 'even', error: 'TypeError', message: 'boom' }
    const heal = await world().inject('code.errors', params)
    expect(await world().request(health)).toEqual({ status: 500, body: { error: 'internal_error', message: 'boom' } })
    await heal()
  })
})

function createVirtual(): TestedWorld {
  const world = new VirtualWorld({
    world: drill.world,
    seed: 42,
    startMs: drill.startMs,
    load,
    onLogLine() {},
    onSpan() {},
    prometheus: { version: '3.0.0', headSeries: () => 0, samplesAppended: () => 0 },
  })
  world.start()
  const pass = (ms: number) => world.kernel.runUntil(world.kernel.nowMs + ms)
  return {
    async request({ to, route, params = {}, headers = {}, body }) {
      let outcome: { status: number; body: unknown } | { failed: string } = { failed: 'timeout' }
      world.process(to).receive(
        { route, params, headers, body, bodyBytes: 10 },
        ({ status, body: answer }) => {
          outcome = { status, body: answer }
        },
        ({ kind }) => {
          outcome = { failed: kind }
        },
      )
      await pass(timeoutMs)
      return outcome
    },
    inject: async (fault, params) => begin(createFaultControls(world), fault, params, async () => {}),
    pass,
    close: async () => {},
  }
}

async function createLive(): Promise<TestedWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-world-'))
  const said: string[] = []
  const platform = new LivePlatform({
    drill: { world: drill.world, seed: 42, load, startMs: drill.startMs },
    speed: 10,
    ports: await freePorts('127.0.0.1', Object.keys(documentedPorts)),
    folder,
    environment: process.env,
    telemetry: { lokiUrl: undefined, tracesUrl: undefined, tracesExporter: 'otlp' },
    keepsSpans: false,
    kafkaBrokers: undefined,
    prometheus: undefined,
    alertmanager: undefined,
    onLine: (name, line, stream) => stream === 'stderr' && said.push(`${name}: ${line}`),
    onDeath: (name, reason) => said.push(`${name} ended: ${reason}`),
    onAudit() {},
  })
  await platform.start()
  const http = createLiveHttpClient({
    clock: platform.clock,
    links: { pass: () => undefined },
    addressOf: (service) => {
      const [host, port] = platform.addressOf(service).split(':')
      return { host: host!, port: Number(port) }
    },
  })
  return {
    async request(request) {
      try {
        const { status, body } = await http.request({ ...request, timeoutMs })
        return { status, body }
      } catch (error) {
        if (error instanceof DependencyError) return { failed: error.kind }
        throw error
      }
    },
    async inject(fault, params) {
      const { id } = platform.board.inject({ fault, params, validated: true }, 'test')
      await settle(platform, fault)
      return async () => {
        platform.board.heal(id, 'test')
        await settle(platform, fault)
      }
    },
    pass: (ms) => platform.clock.sleep(ms),
    async close() {
      http.close()
      expect(await platform.stop()).toEqual([])
      rmSync(folder, { recursive: true, force: true })
      expect(said.filter((line) => line.includes('bug') || line.includes('ended'))).toEqual([])
    },
  }
}

/** A state needs a moment to reach its process, and a started process to open its port. */
async function settle(platform: LivePlatform, fault: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200))
  if (fault !== 'service.crash' || !platform.supervisor.isRunning('ml-engine')) return
  await expect
    .poll(async () => (await fetch(`http://${platform.addressOf('ml-engine')}/health`).catch(() => undefined))?.ok, {
      timeout: 20_000,
    })
    .toBe(true)
}

async function begin(
  controls: FaultWorld,
  name: string,
  params: Record<string, unknown>,
  after: () => Promise<void>,
): Promise<() => Promise<void>> {
  const active = findFault(name)!.start(controls, params)
  active.setSeverity(1)
  await after()
  return async () => {
    active.stop()
    await after()
  }
}

/** Status, keys and kinds of values; texts of errors and ids stay. */
function shapeOf(outcome: { status: number; body: unknown } | { failed: string }): unknown {
  if ('failed' in outcome) return outcome
  const body = outcome.body as Record<string, unknown>
  const isError = outcome.status >= 400
  return {
    status: outcome.status,
    body: Object.fromEntries(
      Object.entries(body).map(([key, value]) => [key, isError || key === 'id' ? value : typeof value]),
    ),
  }
}
