/** docker-compose.yml carried out without containers: each of ours as a process, directed over the network by `traffic`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type ExposedValue, readSamples } from '../../simulator/live/exposition-reader.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { until } from '../cli/run-command.ts'
import { ownServices, readCompose } from '../observability/compose-file.ts'
import { startTelemetryReceiver, type TelemetryReceiver } from '../telemetry/telemetry-receiver.ts'
import { type ComposedPlatform, composeUp } from './composed-platform.ts'

// Elsewhere only 127.0.0.1 is an address of this machine without more ado.
const canRun = process.platform === 'linux'
const parts = ['backend-api', 'ml-engine', 'data-pipeline', 'exporters']
const poll = { timeout: 40_000, interval: 300 }

let receiver: TelemetryReceiver
let platform: ComposedPlatform

async function start(): Promise<void> {
  receiver = await startTelemetryReceiver()
  const at = receiver.url.slice('http://'.length)
  platform = await composeUp({
    // The profile core: there is no broker here.
    environment: { FIREDRILL_SCENARIO: 'steady-state', FIREDRILL_KAFKA_BROKERS: '', COMPOSE_PROFILES: 'core' },
    foreign: { 'loki:3100': at, 'jaeger:4318': at },
  })
}

function end(): void {
  platform?.remove()
  receiver?.close()
}

const traffic = () => platform.containers.traffic!
/** As a user types it behind `docker compose exec traffic`. */
const firedrill = (text: string) => traffic().exec(['firedrill', ...text.split(' ')])
const metrics = (name: string, port: number) => readSamples(`http://${platform.addressOf(name)}:${port}/metrics`)
const isUp = (name: string, port: number) =>
  metrics(name, port).then(
    () => true,
    () => false,
  )

function sum(samples: readonly ExposedValue[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const own = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  return own.reduce((total, { value }) => total + value, 0)
}

const ports: Readonly<Record<string, number>> = { 'backend-api': 8000, 'ml-engine': 8001, 'data-pipeline': 8002 }

/** What the service counts of the work that it does. */
const work: Readonly<Record<string, string>> = {
  'backend-api': 'http_requests_total',
  'ml-engine': 'ml_engine_requests_total',
  'data-pipeline': 'kafka_messages_consumed_total',
}

const allUp = () => Promise.all(Object.entries(ports).map(([name, port]) => isUp(name, port)))

describe.skipIf(!canRun)('docker-compose.yml without containers (Linux only)', () => {
  beforeAll(async () => {
    await start()
    await until('the director has started everything', () => /parts up/.test(traffic().output()), 100_000)
  }, 120_000)
  afterAll(end)

  test('has a container for each service, the exporters and the traffic', () => {
    expect(Object.keys(platform.containers).sort()).toEqual([...parts, 'traffic'].sort())
  })

  test('every target of prometheus.yml that is ours answers by its name and port', async () => {
    const config = parse(readFileSync(join(packageRoot(), 'observability/prometheus/prometheus.yml'), 'utf8')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[]
    }
    const foreign = ['loki', 'jaeger', 'localhost']
    const targets = config.scrape_configs
      .flatMap(({ static_configs }) => static_configs.flatMap((one) => one.targets))
      .map((target) => target.split(':') as [string, string])
      .filter(([host]) => !foreign.includes(host))
    expect(targets).toHaveLength(7)
    for (const [host, port] of targets) expect((await metrics(host, Number(port))).length, host).toBeGreaterThan(0)
  })

  test('each service does its own work, each its own metrics, logs and traces', async () => {
    for (const [name, port] of Object.entries(ports)) {
      await expect
        .poll(async () => sum(await metrics(name, port), work[name]!), { ...poll, message: name })
        .toBeGreaterThan(0)
    }
    const services = Object.keys(ports).sort()
    await expect
      .poll(() => [...new Set(receiver.lines.map(({ labels }) => labels.service))].sort(), poll)
      .toEqual(services)
    await expect.poll(() => [...new Set(receiver.spans.map(({ service }) => service))].sort(), poll).toEqual(services)
  })

  test('every health check holds in its own container', async () => {
    for (const container of Object.values(platform.containers)) {
      expect(await container.isHealthy(), container.name).toBe(true)
    }
  })

  test('what a service writes is what its own container writes', () => {
    for (const name of Object.keys(ports)) {
      expect(platform.containers[name]!.output()).toMatch(new RegExp(`"service":"${name}"`))
    }
    expect(traffic().output()).not.toContain('"service":')
  })

  test('the token is nowhere on a command line or in a variable', () => {
    expect(platform.processes().length).toBeGreaterThanOrEqual(parts.length + 1)
    for (const pid of platform.processes()) {
      const seen = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('')
      expect(seen).not.toMatch(/[0-9a-f]{48}/)
    }
  })

  describe('a fault by hand', () => {
    test('service.crash: the process is gone and its container stays; it comes back', async () => {
      const before = sum(await metrics('ml-engine', 8001), 'process_start_time_seconds')
      const { code, text } = await firedrill('fault inject service.crash target.service=ml-engine --hold 4s')
      expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/^f\d+ {2}ml-engine is down/) })
      await expect.poll(() => isUp('ml-engine', 8001), poll).toBe(false)
      expect(await platform.containers['ml-engine']!.isHealthy()).toBe(false)
      expect(platform.containers['ml-engine']!.child.exitCode).toBeNull()
      await expect.poll(() => isUp('ml-engine', 8001), poll).toBe(true)
      expect(sum(await metrics('ml-engine', 8001), 'process_start_time_seconds')).toBeGreaterThan(before)
      expect(sum(await metrics('ml-engine', 8001), 'ml_engine_requests_total')).toBeLessThan(1_000)
    })

    test('service.hang: the process stands still, and goes on where it was', async () => {
      const before = sum(await metrics('data-pipeline', 8002), 'process_start_time_seconds')
      const { text } = await firedrill('fault inject service.hang target.service=data-pipeline')
      await expect.poll(() => isUp('data-pipeline', 8002), poll).toBe(false)
      expect((await firedrill('fault list')).text).toContain('data-pipeline hangs')
      await firedrill(`fault heal ${text.split(' ')[0]}`)
      await expect.poll(() => isUp('data-pipeline', 8002), poll).toBe(true)
      expect(sum(await metrics('data-pipeline', 8002), 'process_start_time_seconds')).toBe(before)
    })

    test('service.restart: a new process whose counters start anew', async () => {
      const before = sum(await metrics('backend-api', 8000), 'process_start_time_seconds')
      await firedrill('fault inject service.restart target.service=backend-api downtime=1s')
      const startTime = async () =>
        sum(await metrics('backend-api', 8000).catch(() => []), 'process_start_time_seconds')
      await expect.poll(startTime, poll).toBeGreaterThan(before)
      await firedrill('fault heal --all')
    })

    const faults = [
      {
        what: 'in the code',
        inject: 'code.errors target.service=backend-api ratio=1',
        read: async () => sum(await metrics('backend-api', 8000), 'http_requests_total', { status: '500' }),
        moves: 'up',
      },
      {
        what: 'on a link of a service',
        inject: 'link.partition target.from=backend-api target.to=ml-engine',
        // Users get popular items instead.
        read: async () =>
          sum(await metrics('backend-api', 8000), 'recommendations_served_total', { algorithm: 'popular' }),
        moves: 'up',
      },
      {
        what: 'on a link of an exporter',
        inject: 'link.partition target.from=postgres-exporter target.to=postgres',
        read: async () => sum(await metrics('postgres-exporter', 9187), 'pg_up'),
        moves: 'down',
      },
      {
        // Before the outage of the same server, which leaves it empty.
        what: 'of a cache',
        inject: 'cache.flush target.cache=redis',
        read: async () => sum(await metrics('redis-exporter', 9121), 'redis_db_keys'),
        moves: 'down',
      },
      {
        what: 'of a server behind the exporters',
        inject: 'dependency.outage target.dependency=redis',
        read: async () => sum(await metrics('redis-exporter', 9121), 'redis_up'),
        moves: 'down',
      },
      {
        what: 'of a topic',
        inject: 'messages.poison target.topic=interactions ratio=1',
        read: async () => sum(await metrics('data-pipeline', 8002), 'kafka_processing_errors_total'),
        moves: 'up',
      },
      {
        what: 'of a container',
        inject: 'memory.leak target.container=ml-engine perMinute=100MiB',
        read: async () => sum(await metrics('cadvisor', 8080), 'container_memory_usage_bytes', { name: 'ml-engine' }),
        moves: 'up',
      },
      {
        what: 'of a disk',
        inject: 'disk.fill target.mountpoint=/data available=0.01',
        read: async () =>
          sum(await metrics('node-exporter', 9100), 'node_filesystem_avail_bytes', { mountpoint: '/data' }),
        moves: 'down',
      },
    ] as const

    test.each(faults)('$what: $inject moves /metrics $moves', async ({ inject, read, moves }) => {
      await expect.poll(read, poll).toBeGreaterThanOrEqual(0)
      const before = await read()
      const { code, text } = await firedrill(`fault inject ${inject}`)
      expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/^f\d+ /) })
      const moved = expect.poll(read, poll)
      if (moves === 'up') await moved.toBeGreaterThan(before)
      else await moved.toBeLessThan(before)
      expect((await firedrill('fault heal --all')).text).toMatch(/healed/)
    })

    test('of the traffic: three times the load arrives', async () => {
      const perSecond = async () => {
        const count = async () => sum(await metrics('backend-api', 8000), 'http_requests_total')
        const [before, atMs] = [await count(), performance.now()]
        await new Promise((resolve) => setTimeout(resolve, 4_000))
        return ((await count()) - before) / ((performance.now() - atMs) / 1000)
      }
      const usual = await perSecond()
      await firedrill('fault inject traffic.surge factor=3')
      await expect.poll(perSecond, poll).toBeGreaterThan(usual * 2)
      await firedrill('fault heal --all')
    })
  })

  test('a page that Alertmanager sends is told by the container that it sends to', async () => {
    const alert = { status: 'firing', labels: { alertname: 'Tried' }, annotations: { summary: 'by a test' } }
    const times = { startsAt: new Date(0).toISOString(), endsAt: new Date(0).toISOString() }
    const response = await fetch(`http://${platform.addressOf('firedrill')}:9096/alertmanager`, {
      method: 'POST',
      body: JSON.stringify({ alerts: [{ ...alert, ...times }] }),
    })
    expect(response.status).toBe(200)
    await expect.poll(() => traffic().output(), poll).toContain('firing: Tried: by a test')
  })

  test('a process that is killed from outside is told, and is started again after 10 s', async () => {
    const pid = platform
      .processes()
      .find((one) => /services\/ml-engine/.test(readFileSync(`/proc/${one}/cmdline`, 'utf8')))
    process.kill(pid!, 'SIGKILL')
    const told = 'ml-engine ended (SIGKILL), it is started again'
    await expect.poll(() => traffic().output(), poll).toContain(told)
    expect(platform.containers['ml-engine']!.output()).toContain(told)
    expect(await isUp('ml-engine', 8001)).toBe(false)
    await expect.poll(() => isUp('ml-engine', 8001), poll).toBe(true)
  })

  test('a container that died and came back is told everything anew, also the fault that is in force', async () => {
    await firedrill('fault inject code.errors target.service=ml-engine ratio=1')
    platform.containers['ml-engine']!.restart()
    await expect.poll(() => traffic().output(), poll).toMatch(/ml-engine: its agent at \S+ is away/)
    await expect.poll(() => traffic().output(), poll).toMatch(/ml-engine: the agent at \S+ is there/)
    await expect
      .poll(async () => sum(await metrics('ml-engine', 8001).catch(() => []), 'ml_engine_errors_total'), poll)
      .toBeGreaterThan(0)
    await firedrill('fault heal --all')
  })

  test('the director that died and came back begins anew with the same containers', async () => {
    traffic().restart()
    await expect.poll(allUp, { timeout: 10_000 }).not.toEqual([true, true, true])
    await expect.poll(allUp, poll).toEqual([true, true, true])
    await expect.poll(async () => (await firedrill('fault list')).text, poll).toBe('no fault is active\n')
  })

  test('SIGTERM ends everything within 10 s, also a process that stands still, and no process is left', async () => {
    await firedrill('fault inject service.hang target.service=backend-api')
    const startedMs = performance.now()
    for (const { child } of Object.values(platform.containers)) child.kill('SIGTERM')
    const codes = await Promise.all(Object.values(platform.containers).map(({ ended }) => ended))
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(codes).toEqual(codes.map(() => 0))
    expect(platform.processes()).toEqual([])
  })
})

test('the file is carried out as it is: every container of ours has a command', () => {
  for (const [, { command }] of ownServices(readCompose())) expect(command!.length).toBeGreaterThan(0)
})
