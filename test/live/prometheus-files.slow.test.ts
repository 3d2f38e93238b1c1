/** The configuration that a live run writes for its Prometheus does what the run asks of it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { PrometheusApi } from '../../simulator/judge/prometheus/prometheus-api.ts'
import { freePorts } from '../../simulator/live/ports.ts'
import { prometheusFile } from '../../simulator/live/speed/prometheus-files.ts'
import type { PrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'

const binary = findBinary('prometheus', process.env)?.path
const minuteMs = 60_000

test.skipIf(binary === undefined)(
  'samples of long before are taken after the drill: when which fault was in force',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firedrill-live-files-'))
    const { port } = await freePorts('127.0.0.1', ['port'])
    const file = join(folder, 'prometheus.yml')
    // As in a live run: it starts with nothing and is told the rest later.
    writeFileSync(file, 'scrape_configs: []\n')
    const server = spawn(
      binary!,
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-remote-write-receiver',
        '--web.enable-lifecycle',
      ],
      { stdio: 'ignore' },
    )
    const ended = new Promise((resolve) => server.once('exit', resolve))
    try {
      const url = `http://127.0.0.1:${port}`
      await expect
        .poll(
          () =>
            fetch(`${url}/-/ready`).then(
              ({ ok }) => ok,
              () => false,
            ),
          { timeout: 30_000 },
        )
        .toBe(true)
      const config = { jobs: [], evaluationIntervalMs: 15_000, externalLabels: {} } as unknown as PrometheusConfig
      const { text } = prometheusFile({
        config,
        configText: '{}',
        speed: 1,
        resolve: () => undefined,
        alertmanager: undefined,
        ruleFiles: [],
        parseDuration: Number,
      })
      writeFileSync(file, text)
      expect((await fetch(`${url}/-/reload`, { method: 'POST' })).status).toBe(200)
      const api = new PrometheusApi((path, init) => fetch(url + path, init))
      const nowMs = Date.now()
      const longAgoMs = nowMs - 90 * minuteMs
      await api.append([{ labels: { __name__: 'scraped' }, timesMs: [nowMs], values: [1], stale: [] }])
      await api.append([{ labels: { __name__: 'written_later' }, timesMs: [longAgoMs], values: [2], stale: [] }])
      expect(await api.query('written_later', longAgoMs + minuteMs)).toMatchObject({ samples: [{ value: 2 }] })
    } finally {
      server.kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
