/**
 * A thousand random rules over random series, asked of the embedded judge and of each Prometheus that is here: query
 * values, stays of alerts and texts. Bit for bit where the server is the version that is embedded; against an older one up
 * to the differences that docs/prometheus-versions.md lists.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createAlertEvaluation } from '../../simulator/alerts/evaluate.ts'
import { loadRules, type RuleGroup } from '../../simulator/alerts/load-rules.ts'
import { renderAnnotations } from '../../simulator/alerts/texts.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import { engineFacts } from '../../simulator/judge/embedded/load-engine.ts'
import type { Judge, RangeSeries, SeriesSamples } from '../../simulator/judge/judge.ts'
import { findBinary, versionOf } from '../../simulator/judge/prometheus/find-binary.ts'
import { startPrivatePrometheus } from '../../simulator/judge/prometheus/private-prometheus.ts'
import { binFolder } from '../../tools/real-stack/servers.mjs'
import { testEngine } from '../drill/run-scenario.ts'
import { lengthMs, type RandomRule, randomRules, sampleMs } from './random-rules.ts'

const cases = 1_000
const seed = 20_260_105
/** Of a machine that has other things to do. */
const timeoutMs = 600_000
const startMs = Date.parse('2026-01-05T09:00:00Z')
const latticeMs = 30_000
/** Series that are sent at once. */
const batchSize = 500

const rules = randomRules(cases, seed, startMs)
const embeddedVersion = engineFacts().prometheus
const built = findBinary('prometheus', {}, join(binFolder, 'prometheus'))?.path
const onPath = findBinary('prometheus', { PATH: process.env.PATH })?.path
const builtVersion = built && (await versionOf(built))
const pathVersion = onPath && (await versionOf(onPath))

let folder: string
let ours: Promise<ReadonlyMap<RandomRule, Answer>>

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-random-'))
  ours = testEngine().then((engine) => askAll(createEmbeddedJudge(engine)))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test(
  'the random rules are worth asking: most give values, many fire, few fail',
  async () => {
    const answers = [...(await ours).values()]
    const share = (of: (answer: Answer) => boolean) => answers.filter(of).length / cases
    expect(share(({ values }) => values.length > 0)).toBeGreaterThan(0.6)
    expect(share(({ episodes }) => episodes.some(({ firingAtMs }) => firingAtMs !== undefined))).toBeGreaterThan(0.4)
    expect(share(({ failures }) => failures.length > 0)).toBeLessThan(0.15)
    expect(new Set(answers.flatMap(({ texts }) => texts)).size).toBeGreaterThan(cases / 4)
  },
  timeoutMs,
)

describe('the embedded judge and a server of the same version', () => {
  const binary = [
    { path: built, version: builtVersion },
    { path: onPath, version: pathVersion },
  ].find(({ version }) => version === embeddedVersion)?.path

  test(
    `give the same values, episodes and texts for ${cases} random rules, bit for bit`,
    async (context) => {
      if (!binary) return context.skip(`no prometheus ${embeddedVersion} is here (npm run real-stack builds one)`)
      const theirs = await askAll(await start(binary))
      const definite = [...(await ours)].filter(([rule]) => !takesSome(rule))
      const exact = new Map(definite.filter(([rule]) => !usesExponential(rule)))
      const close = new Map(definite.filter(([rule]) => usesExponential(rule)))
      expect(exact.size).toBeGreaterThan(0.8 * cases)
      expect(differences(exact, theirs, (answer) => answer)).toEqual([])
      expect(differences(close, theirs, rounded)).toEqual([])
    },
    timeoutMs,
  )
})

describe('the embedded judge and an older server', () => {
  test(
    'give the same for every rule that no listed difference touches',
    async (context) => {
      if (!onPath) return context.skip('prometheus is not on the PATH')
      if (pathVersion === embeddedVersion) return context.skip('the prometheus on the PATH is no older one')
      const theirs = await askAll(await start(onPath))
      const beside = new Map([...(await ours)].filter(([rule]) => isComparable(rule)))
      expect(beside.size).toBeGreaterThan(cases / 2)
      expect(differences(beside, theirs, rounded)).toEqual([])
    },
    timeoutMs,
  )
})

async function start(binary: string): Promise<Judge> {
  return startPrivatePrometheus({ binary, temporaryFolder: folder, engine: await testEngine() })
}

interface Answer {
  readonly values: readonly RangeSeries[]
  readonly episodes: readonly {
    readonly offsetMs: number
    readonly key: string
    readonly pendingAtMs: number
    readonly firingAtMs: number | undefined
    readonly resolvedAtMs: number | undefined
    readonly value: number
  }[]
  readonly texts: readonly string[]
  readonly failures: readonly string[]
}

/** Gives all series to the judge, asks every rule, and closes the judge. */
async function askAll(judge: Judge): Promise<Map<RandomRule, Answer>> {
  try {
    const series = rules.flatMap((rule) => rule.series)
    for (let at = 0; at < series.length; at += batchSize) await judge.append(series.slice(at, at + batchSize))
    const answers = new Map<RandomRule, Answer>()
    loaded ??= readRules()
    for (const [i, group] of (await loaded).entries()) answers.set(rules[i]!, await ask(judge, group))
    return answers
  } finally {
    await judge.close()
  }
}

const annotations = (id: string) => ({
  summary: '{{ $labels.instance }} {{ $labels.zone }} is {{ $value }}',
  description:
    '{{ $value | humanize }} {{ $value | humanize1024 }} {{ $value | humanizePercentage }} {{ $value | humanizeDuration }} {{ printf "%.3f" $value }}',
  neighbours: `{{ range query "gauge{case='${id}'}" | sortByLabel "instance" }}{{ .Labels.instance }}={{ .Value | humanize }} {{ end }}`,
})

/** One file with a group for each rule, read once. */
let loaded: Promise<readonly RuleGroup[]> | undefined

async function readRules(): Promise<readonly RuleGroup[]> {
  const text = stringify({
    groups: rules.map((rule) => ({
      name: rule.id,
      interval: `${rule.intervalS}s`,
      rules: [
        {
          alert: 'Random',
          expr: rule.expression,
          for: `${rule.forS}s`,
          keep_firing_for: `${rule.keepFiringForS}s`,
          labels: { level: '{{ if gt $value 3.0 }}high{{ else }}low{{ end }}' },
          annotations: annotations(rule.id),
        },
      ],
    })),
  })
  const { groups, problems } = loadRules([{ path: 'random.yml', text }], await testEngine(), 60_000)
  expect(problems).toEqual([])
  expect(groups).toHaveLength(cases)
  return groups
}

async function ask(judge: Judge, group: RuleGroup): Promise<Answer> {
  const values: RangeSeries[] = []
  const listening = listenTo(judge, values)
  const evaluation = await createAlertEvaluation({
    judge: listening,
    groups: [group],
    startMs,
    latticeMs,
    externalLabels: {},
    externalUrl: '',
  })
  await evaluation.advance(lengthMs)
  const [result] = evaluation.results()
  const episodes = result!.offsets.flatMap(({ offsetMs, episodes: of }) =>
    of.map((episode) => ({ offsetMs, ...episode })),
  )
  const texts: string[] = []
  const fired = episodes.filter(({ firingAtMs }) => firingAtMs !== undefined)
  for (const { sampleLabels, value, firingAtMs } of fired.slice(0, 1)) {
    const context = { judge, externalLabels: {}, externalUrl: '' }
    const rendered = await renderAnnotations(result!.rule, sampleLabels, value, startMs + firingAtMs!, context)
    texts.push(...Object.values(rendered.annotations))
  }
  return {
    values,
    episodes: episodes.map(({ offsetMs, key, pendingAtMs, firingAtMs, resolvedAtMs, value }) => ({
      offsetMs,
      key,
      pendingAtMs,
      firingAtMs,
      resolvedAtMs,
      value,
    })),
    texts,
    failures: result!.failures.map(({ atMs, message }) => `${atMs} ${withoutSeries(message)}`),
  }
}

/** The same judge; what its range queries answer is kept. */
function listenTo(judge: Judge, heard: RangeSeries[]): Judge {
  return new Proxy(judge, {
    get(target, name) {
      if (name === 'queryRange') {
        return async (...query: Parameters<Judge['queryRange']>) => {
          const answer = await target.queryRange(...query)
          heard.push(...answer)
          return answer
        }
      }
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** @returns a line for each rule to which the two say something else, with the first thing in which they differ */
function differences(
  ours: ReadonlyMap<RandomRule, Answer>,
  theirs: ReadonlyMap<RandomRule, Answer>,
  seen: (answer: Answer) => unknown,
): string[] {
  return [...ours].flatMap(([rule, answer]) => {
    const [a, b] = [seen(answer), seen(theirs.get(rule)!)] as Record<string, unknown>[]
    const part = Object.keys(a!).find((name) => exact(a![name]) !== exact(b![name]))
    if (part === undefined) return []
    return [`${rule.id} ${rule.expression}: ${part}: ${firstDifference(exact(a![part]), exact(b![part]))}`]
  })
}

/** JSON that keeps apart what JSON itself does not: zeroes, infinities and NaN. */
function exact(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'number' && (!Number.isFinite(one) || Object.is(one, -0))
      ? `number ${Object.is(one, -0) ? '-0' : one}`
      : one,
  )
}

function firstDifference(a: string, b: string): string {
  let at = 0
  while (at < a.length && a[at] === b[at]) at += 1
  const from = Math.max(0, at - 60)
  return `${a.slice(from, at + 40)} | ${b.slice(from, at + 40)}`
}

/** Which of several series a message names is chance, also within one version. */
function withoutSeries(message: string): string {
  return message.replace(/\{.*\}/g, '{}')
}

/** Go computes `exp`, and with it powers, by other instructions on amd64 than in WebAssembly: the last digit may differ. */
function usesExponential({ expression }: RandomRule): boolean {
  return /\bexp\(| \^/.test(expression)
}

/** Which of equal values `topk` takes is chance in a server: not even two runs of one agree. */
function takesSome({ expression }: RandomRule): boolean {
  return /\b(topk|bottomk)\b/.test(expression)
}

/**
 * Whether no difference between Prometheus 2.42 and 3.x that changes values can touch the rule: where samples lie on the
 * edge of ranges, which of equal values `topk` takes, the variance of nearly equal values (2.x loses their digits), and how
 * far a counter that begins in a range is extended to zero.
 */
function isComparable(rule: RandomRule): boolean {
  const { expression, series } = rule
  if (rule.onGrid || takesSome(rule) || /\b(stdvar|stddev)\b/.test(expression)) return false
  return !/\b(rate|increase)\(/.test(expression) || !series.some(beginsNearZero)
}

/** No counter grows by more than this in the time of one interval and a tenth. */
const nearZero = 50

function beginsNearZero({ labels, timesMs, values, stale }: SeriesSamples): boolean {
  if (labels.__name__ === 'gauge') return false
  return Array.from(values).some((value, i) => {
    const begins = i === 0 || stale.includes(i - 1) || timesMs[i]! - timesMs[i - 1]! > sampleMs
    return begins && value < nearZero
  })
}

const digits = 9

/** Sums are compensated otherwise in 2.x: of a value its first digits count. Errors are told in other words. */
function rounded({ values, episodes, texts, failures }: Answer): Answer {
  return {
    values: values.map((series) => ({ ...series, values: series.values.map(round) })),
    episodes: episodes.map((episode) => ({ ...episode, value: round(episode.value) })),
    texts: texts.map((text) => text.replace(/\d[\d.]{9,}(e[+-]\d+)?/g, (number) => String(round(Number(number))))),
    failures: failures.map((failure) => failure.split(' ')[0]!),
  }
}

function round(value: number): number {
  return Number(value.toPrecision(digits))
}
