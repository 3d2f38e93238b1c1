/**
 * Drills as files for `promtool test rules`: for teams that want no new tool in CI. promtool starts time at 0, runs every
 * group at one interval and takes samples only on a grid; so each test holds one rule group at its own interval, and
 * samples lie half way between the points of a grid: one that coincides with an evaluation, or with the start of a range, counts
 * differently in Prometheus 2 and 3 (a range that is no multiple of the lattice may still start on one). The expectations are
 * the verdict of our judge on these very samples.
 */
import { stringify } from 'yaml'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { createAlertEvaluation, type Episode } from '../alerts/evaluate.ts'
import type { RuleGroup } from '../alerts/load-rules.ts'
import { renderAnnotations, type TextContext } from '../alerts/texts.ts'
import { countOf } from '../count-text.ts'
import type { Judge, Labels, SeriesSamples } from '../judge/judge.ts'
import { canonicalLabels } from '../scrape/sample-log.ts'

export interface GridSeries {
  readonly labels: Labels
  /** One entry for each half step of the grid, from 0 on: a value, nothing, or Prometheus's stale marker. */
  readonly values: readonly (number | undefined | 'stale')[]
}

/**
 * Collects the samples of a drill. A sample counts at the next middle between two points of the grid; of several there, the
 * last.
 */
export class SampleGrid {
  /** Between two entries of a series; the odd ones hold samples. */
  readonly halfMs: number
  readonly #startMs: number
  readonly #series = new Map<string, { labels: Labels; values: (number | undefined | 'stale')[] }>()

  /** @param gridMs even @param startMs Unix time of the start of the drill, which becomes 0 */
  constructor(gridMs: number, startMs: number) {
    this.halfMs = gridMs / 2
    this.#startMs = startMs
  }

  add(batch: readonly SeriesSamples[]): void {
    for (const { labels, timesMs, values, stale } of batch) {
      const key = canonicalLabels(labels)
      const series = this.#series.get(key) ?? { labels, values: [] }
      this.#series.set(key, series)
      const staleAt = new Set(stale)
      for (let i = 0; i < timesMs.length; i += 1) {
        const halves = Math.ceil((timesMs[i]! - this.#startMs) / this.halfMs)
        const point = halves % 2 === 0 ? halves + 1 : halves
        series.values[point] = staleAt.has(i) ? 'stale' : values[i]!
      }
    }
  }

  /** Sorted by labels. */
  series(): GridSeries[] {
    return [...this.#series]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { labels, values }]) => ({ labels, values: Array.from(values) }))
  }
}

/** The samples as a judge takes them, with the start of the drill at 0. */
export function toSamples(series: readonly GridSeries[], halfMs: number): SeriesSamples[] {
  return series.map(({ labels, values }) => {
    const timesMs: number[] = []
    const numbers: number[] = []
    const stale: number[] = []
    values.forEach((value, point) => {
      if (value === undefined) return
      if (value === 'stale') stale.push(timesMs.length)
      timesMs.push(point * halfMs)
      numbers.push(value === 'stale' ? Number.NaN : value)
    })
    return { labels, timesMs, values: numbers, stale }
  })
}

export interface ExportedGroup {
  readonly group: string
  readonly text: string
  /** Alerts of the group that fire in the test. */
  readonly firing: readonly string[]
}

export interface ExportOptions {
  readonly drill: { readonly name: string; readonly title: string; readonly seed: number; readonly lengthMs: number }
  readonly series: readonly GridSeries[]
  readonly halfMs: number
  /** Alerts that the test is not about, with the reason. */
  readonly leftOut: readonly { readonly alert: string; readonly why: string }[]
  /** Series that are left away because they stand still and promtool can't hold them. */
  readonly stillCounters: number
  /** An empty one with the interval of the group as its evaluation interval; the caller closes it. */
  readonly judge: Judge
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  /** Path of the rule file of a group, as the test shall name it. */
  readonly ruleFileOf: (group: RuleGroup) => string
  readonly version: string
}

/** Why a group can't be written as a test, when it can't. */
export function cannotExport(group: RuleGroup, groups: readonly RuleGroup[]): string | undefined {
  if (!group.rules.some(({ kind }) => kind === 'alerting')) return 'it has no alert'
  if (group.queryOffsetMs > 0) return 'promtool knows no query_offset'
  if (group.limit > 0) return 'promtool knows no limit'
  const others = new Set(groups.filter((one) => one !== group).flatMap(({ rules }) => rules.map(({ name }) => name)))
  const reads = group.rules.flatMap(({ facts }) => facts.selectors.map(({ metric }) => metric))
  if (reads.some((metric) => metric !== undefined && others.has(metric))) {
    return 'it reads what another group records, and promtool runs all groups at one interval'
  }
  return undefined
}

/** Of the samples, those that rules of the group select by metric name. */
export function seriesOfGroup(group: RuleGroup, series: readonly GridSeries[]): readonly GridSeries[] {
  const wanted = new Set(group.rules.flatMap(({ facts }) => facts.selectors.map(({ metric }) => metric)))
  return series.filter(({ labels }) => wanted.has(undefined) || wanted.has(labels.__name__))
}

/** One test file for one group of rules. */
export async function exportGroup(group: RuleGroup, options: ExportOptions): Promise<ExportedGroup> {
  const { drill, series, halfMs, leftOut, stillCounters, externalLabels, version } = options
  const cases = await judgeGroup(group, options)
  const test = {
    rule_files: [options.ruleFileOf(group)],
    evaluation_interval: formatDurationMs(group.intervalMs),
    tests: [
      {
        name: `${drill.name}, group ${group.name}`,
        interval: formatDurationMs(halfMs),
        ...(Object.keys(externalLabels).length > 0 && { external_labels: externalLabels }),
        input_series: series.map(({ labels, values }) => ({ series: seriesText(labels), values: valuesText(values) })),
        alert_rule_test: cases.map(({ alertname, atMs, alerts }) => ({
          eval_time: formatDurationMs(atMs),
          alertname,
          exp_alerts: alerts,
        })),
      },
    ],
  }
  const head = [
    `# ${drill.name}: ${drill.title}`,
    `# Written by firedrill ${version} from seed ${drill.seed}, for the rules of group "${group.name}" alone.`,
    `# Samples are moved to the next middle between multiples of ${formatDurationMs(2 * halfMs)}; 0 is the start of the drill.`,
    '# Every alert is asked for just before it fires, when it fires, at its end, and at the end of the drill.',
    ...(stillCounters > 0 ? [`# Left out: ${stillCountersText(stillCounters)}.`] : []),
    ...leftOut.map(({ alert, why }) => `# ${alert} is left out: ${why}.`),
  ]
  const firing = new Set(cases.filter(({ alerts }) => alerts.length > 0).map(({ alertname }) => alertname))
  const text = `${head.join('\n')}\n${stringify(test, { lineWidth: 0 })}`
  return { group: group.name, text, firing: [...firing] }
}

/** Of series that are left away. */
export function stillCountersText(count: number): string {
  return `${countOf(count, 'counter')} standing still for the whole drill, with which promtool would hold too many samples`
}

/** What is expected of the alerts of a group, by the judge, when promtool runs it on these samples. */
export async function judgeGroup(
  group: RuleGroup,
  options: Pick<ExportOptions, 'series' | 'halfMs' | 'leftOut' | 'judge' | 'externalLabels' | 'externalUrl'> & {
    readonly drill: { readonly lengthMs: number }
    /** Offsets to evaluate at; the verdict is that of the first. Left out: one alone, 0, as promtool has it. */
    readonly latticeMs?: number
  },
): Promise<readonly AlertCase[]> {
  const { drill, series, halfMs, leftOut, judge, externalLabels, externalUrl } = options
  await judge.append(toSamples(series, halfMs))
  const evaluation = await createAlertEvaluation({
    judge,
    groups: [group],
    startMs: 0,
    latticeMs: options.latticeMs ?? group.intervalMs,
    externalLabels,
    externalUrl,
  })
  const cases: AlertCase[] = []
  try {
    await evaluation.advance(drill.lengthMs)
    for (const { rule, offsets } of evaluation.results()) {
      if (leftOut.some(({ alert }) => alert === rule.name)) continue
      const context = { judge, externalLabels, externalUrl }
      cases.push(...(await casesOf(rule, offsets[0]?.episodes ?? [], group.intervalMs, drill.lengthMs, context)))
    }
  } finally {
    await evaluation.close()
  }
  return cases
}

export interface AlertCase {
  readonly alertname: string
  readonly atMs: number
  readonly alerts: readonly {
    readonly exp_labels: Labels
    readonly exp_annotations: Readonly<Record<string, string>>
  }[]
}

/**
 * The evaluations around each change, and the last. promtool shows the text of now, ours is that of the first firing; so
 * while an alert goes on firing its text is not asked for again, only that of evaluations at which all are new or gone.
 */
async function casesOf(
  rule: RuleGroup['rules'][number],
  episodes: readonly Episode[],
  intervalMs: number,
  lengthMs: number,
  context: TextContext,
): Promise<AlertCase[]> {
  const lastMs = Math.floor(lengthMs / intervalMs) * intervalMs
  const times = new Set([0, lastMs])
  for (const { firingAtMs, resolvedAtMs } of episodes) {
    if (firingAtMs === undefined) continue
    times.add(firingAtMs)
    times.add(Math.max(0, firingAtMs - intervalMs))
    if (resolvedAtMs !== undefined) times.add(resolvedAtMs)
  }
  const cases: AlertCase[] = []
  for (const atMs of [...times].sort((a, b) => a - b)) {
    const firing = episodes.filter(
      ({ firingAtMs, resolvedAtMs }) =>
        firingAtMs !== undefined && firingAtMs <= atMs && (resolvedAtMs === undefined || atMs < resolvedAtMs),
    )
    if (firing.some(({ firingAtMs }) => firingAtMs !== atMs)) continue
    const alerts = []
    for (const { labels, sampleLabels, value } of firing) {
      const { alertname: _, ...own } = labels
      const { annotations } = await renderAnnotations(rule, sampleLabels, value, atMs, context)
      alerts.push({ exp_labels: own, exp_annotations: annotations })
    }
    cases.push({ alertname: rule.name, atMs, alerts })
  }
  return cases
}

function seriesText({ __name__: name, ...labels }: Labels): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${name ?? ''}{${pairs.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')}}`
}

/**
 * promtool's expanding notation: `5x3` is the value and three repetitions, `1+2x3` steps, `_x4` four gaps.
 * Runs of three and more are worth it.
 */
export function valuesText(values: GridSeries['values']): string {
  const parts: string[] = []
  for (let i = 0; i < values.length; ) {
    const value = values[i]
    let run = 1
    while (i + run < values.length && Object.is(values[i + run], value)) run += 1
    if (value === undefined) parts.push(run === 1 ? '_' : `_x${run}`)
    else if (value === 'stale') parts.push(...Array<string>(run).fill('stale'))
    else {
      const steps = run === 1 ? stepsFrom(values, i) : 0
      const step = steps > 0 ? (values[i + 1] as number) - value : 0
      if (steps >= 2) {
        parts.push(`${numberText(value)}${step < 0 ? '-' : '+'}${Math.abs(step)}x${steps}`)
        run = steps + 1
      } else if (run > 2) parts.push(`${numberText(value)}x${run - 1}`)
      else parts.push(...Array<string>(run).fill(numberText(value)))
    }
    i += run
  }
  return parts.join(' ')
}

/** How many values after this one follow by the same whole step; whole, for promtool adds them up one by one. */
function stepsFrom(values: GridSeries['values'], from: number): number {
  const first = values[from]
  const second = values[from + 1]
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return 0
  const step = (second as number) - (first as number)
  let steps = 1
  while (values[from + steps + 1] === (first as number) + step * (steps + 1)) steps += 1
  return steps
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}
