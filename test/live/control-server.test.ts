/** The control port can break the platform: each of its habits keeps somebody out. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLiveClock } from '../../services/runtime/live/live-clock.ts'
import type { ServiceState } from '../../services/runtime/live/process-state.ts'
import { subscribe } from '../../services/runtime/live/process-state.ts'
import { readControlFile, removeControlFile, writeControlFile } from '../../simulator/live/control-file.ts'
import { type ControlServer, startControlServer } from '../../simulator/live/control-server.ts'
import { FaultBoard, type ListedFault } from '../../simulator/live/fault-board.ts'
import { PlatformState } from '../../simulator/live/platform-state.ts'
import { createTenants } from '../../simulator/workload/tenants.ts'
import { shippedDrill } from '../drill/run-scenario.ts'

const token = 'a-token-of-this-test-alone'
const audit: string[] = []
const done: string[] = []
let server: ControlServer
let state: PlatformState
let board: FaultBoard

beforeAll(async () => {
  const { world } = shippedDrill('service-down')
  const clock = createLiveClock(Date.now(), 1)
  state = new PlatformState({
    world,
    tenants: createTenants(world),
    clock,
    process: (name) => ({
      kill: () => done.push(`kill ${name}`),
      start: () => done.push(`start ${name}`),
      freeze: () => done.push(`freeze ${name}`),
      thaw: () => done.push(`thaw ${name}`),
    }),
    lag: () => 0,
    foreign: new Set(['kafka']),
  })
  board = new FaultBoard(
    state.controls(),
    clock,
    () => state.changed(),
    (line) => audit.push(line),
  )
  server = await startControlServer({ host: '127.0.0.1', port: 0, token, board, state })
})

afterAll(() => server.close())

interface Answer {
  readonly status: number
  readonly body: { error?: string; fault?: ListedFault; faults?: unknown[]; healed?: unknown[] }
}

/** node:http, because fetch would not send a Host header of our choice. */
function send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const [host, port] = server.address.split(':')
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host,
        port,
        method,
        path,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(text) }))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const crash = JSON.stringify({ fault: 'service.crash', params: { target: { service: 'ml-engine' } } })

test('with the token a fault begins, is listed, and heals, and each is in the audit', async () => {
  const { body } = await send('POST', '/faults/inject', crash)
  expect(done).toEqual(['kill ml-engine'])
  expect((await send('GET', '/faults')).body.faults).toHaveLength(1)
  await send('POST', '/faults/heal', JSON.stringify({ id: body.fault!.id }))
  expect(done).toEqual(['kill ml-engine', 'start ml-engine'])
  expect(audit).toEqual([
    `fault ${body.fault!.id} injected by hand: service.crash: ml-engine is down`,
    `fault ${body.fault!.id} healed by hand: service.crash`,
  ])
})

test('without the token nobody gets in', async () => {
  expect((await send('POST', '/faults/inject', crash, { authorization: '' })).status).toBe(401)
  expect((await send('POST', '/faults/inject', crash, { authorization: 'Bearer wrong' })).status).toBe(401)
  expect((await send('GET', '/processes/ml-engine/state', undefined, { authorization: '' })).status).toBe(401)
})

test('a foreign Host header is refused, as a rebound name would send it', async () => {
  expect((await send('POST', '/faults/inject', crash, { host: 'evil.example:80' })).status).toBe(403)
})

test('a request of a web page is refused', async () => {
  expect((await send('POST', '/faults/inject', crash, { origin: 'http://localhost:3001' })).status).toBe(403)
})

test('only application/json is read, because a page can send the other types without asking', async () => {
  expect((await send('POST', '/faults/inject', crash, { 'content-type': 'text/plain' })).status).toBe(415)
})

test('a long body is refused', async () => {
  const long = JSON.stringify({ fault: 'service.crash', params: { x: 'x'.repeat(20_000) } })
  expect((await send('POST', '/faults/inject', long)).status).toBe(413)
})

test('a body that is no JSON, or has unknown keys, is refused', async () => {
  expect((await send('POST', '/faults/inject', '{')).status).toBe(400)
  expect((await send('POST', '/faults/inject', '{"fault":"service.crash","typo":1}')).status).toBe(422)
})

test('faults begin with POST only', async () => {
  expect((await send('GET', '/faults/inject')).status).toBe(404)
})

test('no start without a token', async () => {
  const options = { host: '0.0.0.0', port: 0, board, state }
  await expect(async () => startControlServer({ ...options, token: undefined })).rejects.toThrow(/token/)
  await expect(async () => startControlServer({ ...options, token: 'short' })).rejects.toThrow(/token/)
})

test('what is wrong with a fault is said, with the likely name', async () => {
  const unknown = await send('POST', '/faults/inject', JSON.stringify({ fault: 'service.crsh' }))
  expect(unknown.body.error).toContain('did you mean "service.crash"?')
  const wrong = { fault: 'disk.fill', params: { target: { mountpoint: 'data' }, available: 2 } }
  const { status, body } = await send('POST', '/faults/inject', JSON.stringify(wrong))
  expect(status).toBe(422)
  expect(body.error).toMatch(/target\.mountpoint.*available/)
  const without = await send('POST', '/faults/inject', JSON.stringify({ fault: 'service.crash' }))
  expect(without.body.error).toMatch(/^service\.crash: target\.service: is missing; one of "backend-api", /)
})

test('what was refused takes no number, and a fault says when it heals by itself', async () => {
  const crash = { fault: 'service.crash', params: { target: { service: 'ml-engine' } }, hold: '1m' }
  const first = await send('POST', '/faults/inject', JSON.stringify(crash))
  await send('POST', '/faults/inject', JSON.stringify({ fault: 'service.crsh' }))
  const second = await send('POST', '/faults/inject', JSON.stringify(crash))
  expect(second.body.fault!.id).toBe(`f${Number(first.body.fault!.id.slice(1)) + 1}`)
  const { since, until } = second.body.fault!
  expect(Date.parse(until!) - Date.parse(since)).toBe(60_000)
  await send('POST', '/faults/heal', JSON.stringify({ all: true }))
})

test('a real server that is not a part of the run is left alone', async () => {
  const outage = JSON.stringify({ fault: 'dependency.outage', params: { target: { dependency: 'kafka' } } })
  const { status, body } = await send('POST', '/faults/inject', outage)
  expect(status).toBe(422)
  expect(body.error).toContain('kafka is a real server')
})

test('a process is told nothing before it may begin, then its whole state at each change', async () => {
  const states: ServiceState[] = []
  const begun = subscribe<ServiceState>({
    address: server.address,
    token,
    process: 'backend-api',
    life: 0,
    onState: (next) => states.push(next),
    onEnd() {},
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(states).toEqual([])
  state.release('backend-api')
  await begun
  const slow = { fault: 'code.slow', params: { target: { service: 'backend-api' }, add: '2s' }, severity: 0.5 }
  const { body } = await send('POST', '/faults/inject', JSON.stringify(slow))
  await expect.poll(() => states.at(-1)!.injections[0]?.effect).toEqual({ delayMs: 1000 })
  await send('POST', '/faults/heal', JSON.stringify({ id: body.fault!.id }))
  await expect.poll(() => states.at(-1)!.injections).toEqual([])
})

test('the control file is readable by its owner alone, and one that others can read is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-control-'))
  try {
    const path = join(folder, 'inner', 'control.json')
    const control = { format: 1, address: '127.0.0.1:1', token, pid: 4711 } as const
    writeControlFile(path, control)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readControlFile(path)).toEqual(control)
    removeControlFile(path, 4712)
    expect(readControlFile(path)).toEqual(control)
    removeControlFile(path, 4711)
    expect(readControlFile(path)).toBeUndefined()
    writeFileSync(path, '{}', { mode: 0o644 })
    expect(() => readControlFile(path)).toThrow(/can be read by others/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
