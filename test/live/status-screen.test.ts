/** The one screen of a running platform, and what it says where there is no terminal. */

import { createServer } from 'node:net'
import pc from 'picocolors'
import { expect, test } from 'vitest'
import { readParameters } from '../../simulator/cli/fault.ts'
import { findClashes, freePorts } from '../../simulator/live/ports.ts'
import { type PlatformStatus, statusLine, statusScreen } from '../../simulator/live/status-screen.ts'

const paint = pc.createColors(false)
const status: PlatformStatus = {
  title: 'steady-state: nothing is broken',
  speed: 10,
  elapsedMs: 125_400,
  parts: [
    { name: 'backend-api', address: '127.0.0.1:8000', state: 'up', restarts: 0 },
    { name: 'ml-engine', address: '127.0.0.1:8001', state: 'down', restarts: 2 },
    { name: 'cadvisor', address: '127.0.0.1:8080', state: 'up', restarts: 0 },
  ],
  load: { requestsPerSecond: 8.24, failed: 0.125, p95S: 0.25, lag: 12 },
  faults: [{ id: 'f1', fault: 'service.crash', description: 'ml-engine is down', since: '2026-01-05T09:00:00.000Z' }],
  alerts: [
    { name: 'ServiceDown', state: 'firing', labels: '{job="ml-engine"}' },
    { name: 'PrometheusTargetDown', state: 'pending', labels: '{job="ml-engine"}' },
  ],
  links: ['prometheus   http://127.0.0.1:9090'],
  notes: ['no Kafka broker is configured'],
}

test('the screen shows parts, load, faults and alerts', () => {
  expect(statusScreen(status, paint, 79)).toEqual([
    'steady-state: nothing is broken',
    '2m5s at 10 times real time',
    '',
    'up    backend-api 127.0.0.1:8000   up    cadvisor    127.0.0.1:8080',
    'down  ml-engine   127.0.0.1:8001',
    'restarts: ml-engine 2',
    '',
    'load: 8.2 requests/s, 12.5 % failed, p95 250 ms, lag 12',
    '',
    'faults: 1',
    '  f1  service.crash: ml-engine is down',
    'alerts:',
    '  firing  ServiceDown {job="ml-engine"}',
    '  pending PrometheusTargetDown {job="ml-engine"}',
    '',
    'prometheus   http://127.0.0.1:9090',
    '- no Kafka broker is configured',
    'Ctrl-C ends it; twice: at once. In another terminal: firedrill fault inject',
  ])
})

test('parts that do not fit beside each other stand below each other, whole', () => {
  const parts = ['backend-api', 'postgres-exporter', 'cadvisor'].map((name, i) => ({
    name,
    address: '127.0.0.1:8000',
    state: i === 0 ? ('down' as const) : ('up' as const),
    restarts: 0,
  }))
  expect(statusScreen({ ...status, parts }, paint, 69).slice(3, 6)).toEqual([
    'down  backend-api       127.0.0.1:8000',
    'up    postgres-exporter 127.0.0.1:8000',
    'up    cadvisor          127.0.0.1:8000',
  ])
  expect(statusScreen({ ...status, parts }, paint, 79).slice(3, 5)).toEqual([
    'down  backend-api       127.0.0.1:8000   up    cadvisor          127.0.0.1:8000',
    'up    postgres-exporter 127.0.0.1:8000',
  ])
})

test('a note that is too long goes on below its beginning', () => {
  const notes = ['no Kafka broker is configured: the bus is the model, inside the infrastructure process']
  expect(statusScreen({ ...status, notes }, paint, 79).slice(-3, -1)).toEqual([
    '- no Kafka broker is configured: the bus is the model, inside the',
    '  infrastructure process',
  ])
})

test('what is not known is not shown as good', () => {
  const partly = { ...status, load: { ...status.load!, p95S: undefined, lag: undefined } }
  expect(statusScreen(partly, paint, 79)).toContain('load: 8.2 requests/s, 12.5 % failed, p95 unknown, lag unknown')
  const lines = statusScreen({ ...status, load: undefined, alerts: undefined }, paint, 79)
  expect(lines).toContain('load: backend-api does not answer')
  expect(lines).toContain('alerts: no Prometheus runs along')
})

test('in a log the same is one line', () => {
  expect(statusLine(status)).toBe('ml-engine down; 8.2 requests/s, 12.5 % failed; 1 fault; firing: ServiceDown')
})

test('every port that is taken is found, before anything starts', async () => {
  const ports = await freePorts('127.0.0.1', ['a', 'b', 'c'])
  const taken = [createServer(), createServer()]
  await Promise.all(
    [ports.a!, ports.c!].map(
      (port, i) => new Promise<void>((resolve) => taken[i]!.listen(port, '127.0.0.1', () => resolve())),
    ),
  )
  try {
    expect(await findClashes('127.0.0.1', ports)).toEqual([
      { name: 'a', port: ports.a, reason: 'EADDRINUSE' },
      { name: 'c', port: ports.c, reason: 'EADDRINUSE' },
    ])
  } finally {
    for (const server of taken) server.close()
  }
})

test('parameters of a fault are read as in a scenario file', () => {
  expect(
    readParameters(['target.service=ml-engine', 'target.routes=["POST /recommend"]', 'add=2s', 'ratio=0.2']),
  ).toEqual({
    params: { target: { service: 'ml-engine', routes: ['POST /recommend'] }, add: '2s', ratio: 0.2 },
    problems: [],
  })
  expect(readParameters(['service', '=x', '__proto__.x=1']).problems).toHaveLength(3)
})
