/** The port of an agent can end a part: who gets in, what it refuses, and what it tells of the process that it runs. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startAgentServer } from '../../simulator/live/agent/agent-server.ts'
import { PartAgent } from '../../simulator/live/agent/part-agent.ts'
import type { PartReport } from '../../simulator/live/agent/part-orders.ts'
import { isAddress, readAgents } from '../../simulator/live/agent/read-agents.ts'
import type { GuardedServer } from '../../simulator/live/guarded-server.ts'
import { testSettings } from './test-settings.ts'

const token = 'a-token-of-this-test-alone'
/** What the control file says; undefined before a director has written it. */
let written: string | undefined
let folder: string
/** Stands for the director's control port: takes connections and says nothing, so that a process waits. */
let silent: Server
let agent: PartAgent
let server: GuardedServer

beforeEach(async () => {
  written = token
  folder = mkdtempSync(join(tmpdir(), 'firedrill-agent-test-'))
  silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  agent = new PartAgent({
    part: 'backend-api',
    folder,
    environment: process.env,
    listenHost: '127.0.0.1',
    onLine() {},
    say() {},
  })
  server = await startAgentServer({
    host: '127.0.0.1',
    port: 0,
    part: 'backend-api',
    name: 'api.internal',
    agent,
    token: () => written,
  })
})

afterEach(() => {
  agent.killAll()
  server.close()
  silent.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly body: PartReport & { readonly error?: string; readonly late?: boolean }
}

/** node:http, because fetch would not send a Host header of our choice. @returns the first line of the answer */
function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const [host, port] = server.address.split(':')
  const type = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, method, path, headers: { ...type, ...headers } }, (answer) => {
      let text = ''
      answer.on('error', () => {})
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        // The answer to "run" never ends.
        if (text.includes('\n')) resolve({ status: answer.statusCode!, body: JSON.parse(text.split('\n')[0]!) })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const order = (name: string, body: unknown = {}) => send('POST', `/parts/backend-api/${name}`, body)
const settings = (port = (silent.address() as AddressInfo).port) => testSettings(`127.0.0.1:${port}`)
const run = () => order('run', { life: 0, settings: settings() })
const report = async () => (await send('GET', '/parts/backend-api')).body

describe('nobody gets in', () => {
  test('without the token, or with a wrong one', async () => {
    for (const authorization of ['', 'Bearer wrong', `Bearer ${token}x`]) {
      expect((await send('POST', '/parts/backend-api/kill', {}, { authorization })).status).toBe(401)
      expect((await send('GET', '/parts/backend-api', undefined, { authorization })).status).toBe(401)
    }
  })

  test('before a director has written the control file, or when the token in it is too short', async () => {
    written = undefined
    expect((await send('GET', '/parts/backend-api')).status).toBe(401)
    expect((await send('GET', '/parts/backend-api', undefined, { authorization: 'Bearer undefined' })).status).toBe(401)
    written = 'short'
    expect((await send('GET', '/parts/backend-api', undefined, { authorization: 'Bearer short' })).status).toBe(401)
  })

  test('by a foreign Host header; the part, the given name and this machine are own ones', async () => {
    const by = async (host: string) => (await send('GET', '/parts/backend-api', undefined, { host })).status
    expect(await by('evil.example:8099')).toBe(403)
    expect(await by('ml-engine:8099')).toBe(403)
    expect(await by('0.0.0.0:8099')).toBe(403)
    for (const own of ['backend-api:8099', 'api.internal', 'localhost:1', '127.0.0.1:2'])
      expect(await by(own)).toBe(200)
  })

  test('from a web page, or with a body of a type that a page can send without asking', async () => {
    expect((await send('POST', '/parts/backend-api/kill', {}, { origin: 'http://localhost:3001' })).status).toBe(403)
    expect((await send('POST', '/parts/backend-api/kill', {}, { 'content-type': 'text/plain' })).status).toBe(415)
  })
})

describe('is refused', () => {
  test('another part, by name: two addresses may have been mixed up', async () => {
    const { status, body } = await send('POST', '/parts/ml-engine/kill', {})
    expect(status).toBe(404)
    expect(body.error).toBe('this agent runs backend-api, not ml-engine')
  })

  test('an order that there is not, and one with more in it than it has', async () => {
    expect((await order('explode')).status).toBe(404)
    expect((await send('GET', '/parts/backend-api/kill')).status).toBe(404)
    expect((await order('kill', { typo: 1 })).status).toBe(422)
    expect((await order('kill', { long: 'x'.repeat(2_000) })).status).toBe(413)
  })

  test('an order before a director has sent the settings', async () => {
    for (const name of ['prepare', 'start', 'kill', 'freeze', 'thaw']) expect((await order(name)).status).toBe(409)
    expect((await order('stop', { withinMs: 1 })).status).toBe(409)
    expect(await report()).toEqual({ part: 'backend-api', phase: 'idle', lives: 0, begun: 0, deaths: 0 })
  })

  test('what are no settings', async () => {
    const { status, body } = await order('run', { life: -1, settings: { format: 2, control: {} } })
    expect(status).toBe(422)
    expect(body.error).toMatch(/life: .*settings\.format: .*settings\.speed: .*settings\.control\.address: /)
  })

  test('to be run a second time by the same director', async () => {
    expect((await run()).status).toBe(200)
    const { status, body } = await run()
    expect(status).toBe(409)
    expect(body.error).toBe('backend-api is run by this director already')
  })
})

describe('the process of the part', () => {
  test('is started once, however often it is asked for', async () => {
    await run()
    const first = (await order('start')).body
    expect(first).toMatchObject({ phase: 'working', lives: 1, begun: 1, deaths: 0 })
    const second = (await order('start')).body
    expect(second).toEqual(first)
    expect(first.pid).toBeGreaterThan(0)
  })

  test('that is prepared may not begin yet, and the next one neither', async () => {
    await run()
    expect((await order('prepare')).body).toMatchObject({ phase: 'waiting', lives: 1, begun: 0 })
    expect((await order('start')).body).toMatchObject({ phase: 'working', lives: 1, begun: 1 })
    expect((await order('kill')).body).toMatchObject({ phase: 'waiting', lives: 2, begun: 1, deaths: 0 })
    await expect.poll(report).toMatchObject({ exited: { signal: 'SIGKILL', asked: true } })
  })

  test('that dies by itself is reported with its signal, and is started again', async () => {
    await run()
    const { pid } = (await order('start')).body
    process.kill(pid!, 'SIGKILL')
    await expect
      .poll(report)
      .toMatchObject({ lives: 2, deaths: 1, exited: { pid, code: null, signal: 'SIGKILL', asked: false } })
    const next = await report()
    expect(next.pid).not.toBe(pid)
    expect(Date.parse(next.startedAt!)).toBeGreaterThanOrEqual(Date.parse(next.exited!.at) - 1_000)
    // At a speed of 100 the 10 s of a restart policy are 0.1 s.
    await expect.poll(report).toMatchObject({ phase: 'working', begun: 2 })
  })

  test('that ends with a code is reported with it', async () => {
    // Nothing listens on the control port that its settings name.
    await order('run', { life: 0, settings: settings(1) })
    await order('prepare')
    await expect
      .poll(report, { timeout: 15_000 })
      .toMatchObject({ phase: 'ended', deaths: 1, exited: { code: 1, signal: null, asked: false } })
  })

  test('stands still and goes on', async () => {
    await run()
    await order('start')
    expect((await order('freeze')).body.phase).toBe('frozen')
    expect((await order('thaw')).body.phase).toBe('working')
  })

  test('is gone when the director is, and another director may have the part', async () => {
    await run()
    const { pid } = (await order('start')).body
    written = 'the-token-of-another-director'
    const authorization = `Bearer ${written}`
    const wanted = { life: 0, settings: settings() }
    const { status, body } = await send('POST', '/parts/backend-api/run', wanted, { authorization })
    expect(status).toBe(200)
    expect(body).toMatchObject({ phase: 'ended', lives: 0, begun: 0 })
    expect(() => process.kill(pid!, 0)).toThrow(/ESRCH/)
  })

  test('ends when it is stopped, and nothing starts it again', async () => {
    await run()
    const { pid } = (await order('start')).body
    expect((await order('stop', { withinMs: 5_000 })).body).toEqual({ late: false })
    expect(() => process.kill(pid!, 0)).toThrow(/ESRCH/)
    expect((await order('start')).body).toMatchObject({ phase: 'ended' })
  })
})

test('the agents on the command line are read, or every problem is told at once', () => {
  const all = 'backend-api=a:1,ml-engine=b:2,data-pipeline=127.0.0.1:3,exporters=d.e-f:4'
  expect(readAgents(all)).toEqual({
    agents: { 'backend-api': 'a:1', 'ml-engine': 'b:2', 'data-pipeline': '127.0.0.1:3', exporters: 'd.e-f:4' },
    problems: [],
  })
  expect(readAgents('backend-api=a:1,ml-engin=b:2,backend-api=c:3,data-pipeline=d').problems).toEqual([
    '--agents: no part is called "ml-engin"; did you mean "ml-engine"?',
    '--agents names two agents of backend-api',
    '--agents: data-pipeline=host:port is needed, not "data-pipeline=d"',
    '--agents names no agent of ml-engine',
    '--agents names no agent of exporters',
  ])
  for (const wrong of ['a', 'a:', ':1', 'a:0', 'a:65536', 'http://a:1', 'a b:1']) expect(isAddress(wrong)).toBe(false)
})
