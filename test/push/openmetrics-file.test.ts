import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OpenMetricsFile } from '../../simulator/push/openmetrics-file.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-openmetrics-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('the samples of a metric stand together, however they came, and the end is marked', async () => {
  const file = new OpenMetricsFile(join(folder, 'out.txt'), folder)
  const labels = { job: 'a"b\\c\nd' }
  file.append([
    { labels: { __name__: 'up', job: 'x' }, timesMs: [1000], values: [1], stale: [] },
    {
      labels: { __name__: 'lag', ...labels },
      timesMs: [1000, 2500],
      values: [Number.POSITIVE_INFINITY, -0.5],
      stale: [],
    },
  ])
  file.append([{ labels: { __name__: 'up', job: 'x' }, timesMs: [2000, 3000], values: [0, Number.NaN], stale: [1] }])
  await file.finish()
  expect(readFileSync(join(folder, 'out.txt'), 'utf8')).toBe(
    [
      'lag{job="a\\"b\\\\c\\nd"} +Inf 1',
      'lag{job="a\\"b\\\\c\\nd"} -0.5 2.5',
      'up{job="x"} 1 1',
      'up{job="x"} 0 2',
      '# EOF',
      '',
    ].join('\n'),
  )
  expect({ samples: file.samples, staleLeftOut: file.staleLeftOut }).toEqual({ samples: 4, staleLeftOut: 1 })
  expect(readdirSync(folder)).toEqual(['out.txt'])
})
