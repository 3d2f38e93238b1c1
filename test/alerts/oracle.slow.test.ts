/**
 * promtool is the oracle: for random series and rules, pending and firing at every evaluation, and every text, are what
 * `promtool test rules` says. (`ALERTS` in expression tests shows pending; alert tests show only firing, with texts.)
 *
 * Ranges are no multiples of the sample interval: Prometheus 2 counts a sample on the left edge of a range, 3 does not.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createAlertEvaluation, type Episode } from '../../simulator/alerts/evaluate.ts'
import { loadRules } from '../../simulator/alerts/load-rules.ts'
import { renderAnnotations } from '../../simulator/alerts/texts.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import { testEngine } from '../drill/run-scenario.ts'

const sampleMs = 15_000
const samples = 120
const seed = 20_260_105
const cases = 120

type Sample = number | 'gap' | 'stale'

interface Case {
  readonly intervalS: number
  readonly forS: number
  readonly keepFiringForS: number
  readonly expression: string
  readonly labels: Readonly<Record<string, string>>
  readonly series: readonly { readonly instance: string; readonly values: readonly Sample[] }[]
}

/** Values in runs, so that alerts have time to fire; gaps and stale markers between them. */
const values = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 10 }) },
        { weight: 1, arbitrary: fc.constant('gap' as const) },
        { weight: 1, arbitrary: fc.constant('stale' as const) },
      ),
      fc.integer({ min: 1, max: 25 }),
    ),
    { minLength: 4, maxLength: 16 },
  )
  .map((runs) => runs.flatMap(([value, length]) => Array<Sample>(length).fill(value)))
  .map((list) => Array.from({ length: samples }, (_, i) => list[i % list.length]!))
  // A gap as long as the lookback ends differently in Prometheus 2 and 3; a stale marker ends it before.
  .map((list) =>
    list.map((value, i) => (list.slice(Math.max(0, i - 18), i + 1).every((one) => one === 'gap') ? 'stale' : value)),
  )

const anyCase: fc.Arbitrary<Case> = fc.record({
  intervalS: fc.constantFrom(15, 30, 60),
  forS: fc.constantFrom(0, 30, 60, 100, 180),
  keepFiringForS: fc.constantFrom(0, 0, 60, 150),
  expression: fc.constantFrom(
    'x > 5',
    'x < 3',
    'sum by (job) (x) > 9',
    'max_over_time(x[100s]) > 8',
    'avg by (instance) (x) >= 5 and x < 9',
    'absent(x{instance="a"})',
    'rate(x[110s]) > 0.02',
    'x > 4 unless x{instance="b"}',
    'changes(x[200s]) > 2',
  ),
  labels: fc.constantFrom<Record<string, string>[]>(
    { severity: 'page' },
    { severity: 'page', level: '{{ if gt $value 7.0 }}high{{ else }}low{{ end }}' },
    {},
  ),
  series: fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .chain((instances) => fc.tuple(...instances.map((instance) => values.map((list) => ({ instance, values: list }))))),
})

const annotations = {
  summary: 'x of {{ $labels.instance }} is {{ $value }}',
  description:
    '{{ $value | humanize }} {{ $value | humanize1024 }} {{ $value | humanizePercentage }} {{ $value | humanizeDuration }} {{ printf "%.3f" $value }} {{ $labels.job | toUpper }}',
}

test(`pending, firing and texts of ${cases} random rules are what promtool says`, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-oracle-'))
  try {
    let episodes = 0
    const files: string[] = []
    for (const [i, one] of fc.sample(anyCase, { seed, numRuns: cases }).entries()) {
      const { file, count } = await writeCase(folder, i, one)
      files.push(file)
      episodes += count
    }
    // Rules that never do anything would prove nothing.
    expect(episodes).toBeGreaterThan(cases * 2)
    const answer = await promtool(['test', 'rules', ...files], folder)
    if (answer === undefined) return context.skip('promtool is not on the PATH')
    expect(answer.output.slice(0, 4_000)).not.toContain('FAILED')
    expect(answer.output.match(/SUCCESS/g)).toHaveLength(cases)
    expect(answer.code).toBe(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Writes the rules and what we say about them as a promtool test. */
async function writeCase(folder: string, i: number, one: Case): Promise<{ file: string; count: number }> {
  const rules = stringify({
    groups: [
      {
        name: 'oracle',
        interval: `${one.intervalS}s`,
        rules: [
          {
            alert: 'Oracle',
            expr: one.expression,
            ...(one.forS > 0 && { for: `${one.forS}s` }),
            ...(one.keepFiringForS > 0 && { keep_firing_for: `${one.keepFiringForS}s` }),
            labels: one.labels,
            annotations,
          },
        ],
      },
    ],
  })
  const { evaluations, texts } = await ourVerdict(rules, one)
  writeFileSync(join(folder, `${i}.rules.yml`), rules)
  const file = `${i}.test.yml`
  writeFileSync(
    join(folder, file),
    stringify({
      rule_files: [`${i}.rules.yml`],
      evaluation_interval: `${one.intervalS}s`,
      tests: [
        {
          interval: `${sampleMs / 1000}s`,
          input_series: one.series.map(({ instance, values: list }) => ({
            series: `x{job="oracle",instance="${instance}"}`,
            values: list.map((value) => (value === 'gap' ? '_' : value)).join(' '),
          })),
          promql_expr_test: evaluations.map(({ atS, active }) => ({
            expr: 'ALERTS',
            eval_time: `${atS}s`,
            exp_samples: active.map(({ labels, state }) => ({
              labels: seriesText({ ...labels, __name__: 'ALERTS', alertstate: state }),
              value: 1,
            })),
          })),
          alert_rule_test: texts.map(({ atS, alerts }) => ({
            alertname: 'Oracle',
            eval_time: `${atS}s`,
            exp_alerts: alerts.map(({ labels, annotations: rendered }) => ({
              exp_labels: labels,
              exp_annotations: rendered,
            })),
          })),
        },
      ],
    }),
  )
  return { file, count: evaluations.reduce((sum, { active }) => sum + active.length, 0) }
}

async function ourVerdict(rulesText: string, one: Case) {
  const engine = await testEngine()
  const judge = createEmbeddedJudge(engine)
  const { groups, problems } = loadRules([{ path: 'oracle.yml', text: rulesText }], engine, 60_000)
  expect(problems).toEqual([])
  await judge.append(one.series.map(({ instance, values: list }) => toSamples(instance, list)))
  const stepMs = one.intervalS * 1000
  const evaluation = await createAlertEvaluation({
    judge,
    groups,
    startMs: 0,
    // One offset alone, 0, as promtool has it.
    latticeMs: stepMs,
    externalLabels: {},
    externalUrl: '',
  })
  const endMs = samples * sampleMs
  await evaluation.advance(endMs)
  const [result] = evaluation.results()
  const [offset] = result!.offsets
  expect(result!.failures).toEqual([])
  const evaluations = []
  const texts = []
  for (let atMs = 0; atMs <= endMs; atMs += stepMs) {
    const active = offset!.episodes.filter((episode) => isActive(episode, atMs))
    evaluations.push({
      atS: atMs / 1000,
      active: active.map(({ labels, firingAtMs }) => ({
        labels: withoutName(labels),
        state: firingAtMs !== undefined && atMs >= firingAtMs ? 'firing' : 'pending',
      })),
    })
    // promtool shows the text of now; ours is that of the first firing.
    const isFirst = ({ firingAtMs }: Episode) => firingAtMs === atMs
    const wasBefore = ({ firingAtMs }: Episode) => firingAtMs !== undefined && firingAtMs < atMs
    if (active.some(isFirst) && !active.some(wasBefore)) {
      const alerts = []
      for (const episode of active.filter(isFirst)) {
        const context = { judge, externalLabels: {}, externalUrl: '' }
        const rendered = await renderAnnotations(result!.rule, episode.sampleLabels, episode.value, atMs, context)
        const { alertname: _, ...labels } = episode.labels
        alerts.push({ labels, annotations: rendered.annotations })
      }
      texts.push({ atS: atMs / 1000, alerts })
    }
  }
  await judge.close()
  return { evaluations, texts }
}

function toSamples(instance: string, list: readonly Sample[]): SeriesSamples {
  const timesMs: number[] = []
  const numbers: number[] = []
  const stale: number[] = []
  list.forEach((value, i) => {
    if (value === 'gap') return
    if (value === 'stale') stale.push(timesMs.length)
    timesMs.push(i * sampleMs)
    numbers.push(value === 'stale' ? Number.NaN : value)
  })
  return { labels: { __name__: 'x', job: 'oracle', instance }, timesMs, values: numbers, stale }
}

function isActive({ pendingAtMs, resolvedAtMs }: Episode, atMs: number): boolean {
  return atMs >= pendingAtMs && (resolvedAtMs === undefined || atMs < resolvedAtMs)
}

function withoutName(labels: Readonly<Record<string, string>>): Record<string, string> {
  const { __name__: _, ...rest } = labels
  return rest
}

function seriesText({ __name__: name, ...labels }: Record<string, string>): string {
  return `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(', ')}}`
}

/** @returns undefined when there is no promtool */
function promtool(args: readonly string[], cwd: string): Promise<{ output: string; code: number } | undefined> {
  return new Promise((resolve) => {
    execFile('promtool', [...args], { cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = (error as { code?: number | string } | null)?.code
      if (code === 'ENOENT') resolve(undefined)
      else resolve({ output: `${stdout}${stderr}`, code: typeof code === 'number' ? code : 0 })
    })
  })
}
