/**
 * What the platform exposes and the scrape config keeps, over one drill or all drills of a run: names, labels, values.
 * Plain data, so that it crosses worker boundaries.
 */
import type { RuleGroup } from '../alerts/load-rules.ts'
import { matches } from '../alerts/selector-match.ts'
import type { Labels } from '../judge/judge.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import type { ScrapeRecord } from '../scrape/scrape-record.ts'

export interface Survey {
  /** Drills that it comes from. */
  readonly drills: number
  readonly metrics: Readonly<Record<string, MetricSurvey>>
  /** By the text of each selector in the rules. */
  readonly selectors: Readonly<Record<string, SelectorSurvey>>
  readonly targets: readonly TargetSurvey[]
}

export interface TargetSurvey {
  readonly job: string
  readonly place: string
  readonly address: string
  /** Name of the simulated process that answers; undefined: nothing does. */
  readonly process: string | undefined
  /** Address of something simulated that may be meant. */
  readonly nearest: string | undefined
}

export interface MetricSurvey {
  readonly series: number
  /** Label to its values, sorted, not more than anybody reads (but all of `le` and `job`). */
  readonly labels: Readonly<Record<string, readonly string[]>>
}

export interface SelectorSurvey {
  /** Most series that matched in one drill. */
  readonly matched: number
  /** Why none matched. */
  readonly reason: string | undefined
  /** A step of the scrape config hides the series. */
  readonly dropped: boolean
}

const valuesMax = 40

export interface Surveyed {
  readonly samples: { series(): Iterable<Labels> }
  readonly record: ScrapeRecord
  readonly groups: readonly RuleGroup[]
  readonly config: PrometheusConfig
  readonly world: {
    processAt(address: string): { readonly name: string } | undefined
    addresses(): readonly string[]
  }
}

export function surveyDrill({ samples, record, groups, config, world }: Surveyed): Survey {
  const byMetric = new Map<string, Labels[]>()
  for (const labels of samples.series()) {
    const metric = labels.__name__ ?? ''
    const list = byMetric.get(metric)
    if (list) list.push(labels)
    else byMetric.set(metric, [labels])
  }
  const metrics: Record<string, MetricSurvey> = {}
  for (const [metric, series] of [...byMetric].sort(([a], [b]) => (a < b ? -1 : 1))) {
    metrics[metric] = { series: series.length, labels: valuesOf(series) }
  }
  return { drills: 1, metrics, selectors: selectorsOf(byMetric, record, groups), targets: targetsOf(config, world) }
}

function targetsOf({ jobs }: PrometheusConfig, world: Surveyed['world']): TargetSurvey[] {
  return jobs.flatMap(({ name, place, targets }) =>
    targets.map(({ address }) => {
      const process = world.processAt(address)?.name
      const nearest = process === undefined ? nearestAddress(address, world.addresses()) : undefined
      return { job: name, place, address, process, nearest }
    }),
  )
}

/** The same port says more than a similar name. */
function nearestAddress(address: string, known: readonly string[]): string | undefined {
  const port = address.slice(address.lastIndexOf(':'))
  return known.find((one) => one.endsWith(port)) ?? nearestOf(address, known)
}

export function mergeSurveys(surveys: readonly Survey[]): Survey | undefined {
  if (surveys.length < 2) return surveys[0]
  const metrics: Record<string, MetricSurvey> = {}
  const selectors: Record<string, SelectorSurvey> = {}
  for (const survey of surveys) {
    for (const [metric, one] of Object.entries(survey.metrics)) {
      const before = metrics[metric]
      metrics[metric] = before ? joinMetrics(before, one) : one
    }
    for (const [selector, one] of Object.entries(survey.selectors)) {
      const before = selectors[selector]
      if (!before || one.matched > before.matched || (one.dropped && !before.dropped && before.matched === 0)) {
        selectors[selector] = one
      }
    }
  }
  const drills = surveys.reduce((sum, survey) => sum + survey.drills, 0)
  return { drills, metrics, selectors, targets: surveys[0]!.targets }
}

function selectorsOf(
  byMetric: ReadonlyMap<string, readonly Labels[]>,
  record: ScrapeRecord,
  groups: readonly RuleGroup[],
): Record<string, SelectorSurvey> {
  const made = madeByRules(groups)
  const selectors: Record<string, SelectorSurvey> = {}
  for (const selector of groups.flatMap(({ rules }) => rules.flatMap(({ facts }) => facts.selectors))) {
    const { metric, matchers } = selector
    if (metric === undefined || made.has(metric) || selectors[selector.selector]) continue
    const series = byMetric.get(metric) ?? []
    const matched = series.filter((labels) => matches(labels, matchers) !== false).length
    const reason = matched === 0 ? record.explainMissing(selector, series) : undefined
    selectors[selector.selector] = { matched, reason, dropped: matched === 0 && record.isDropped(metric) }
  }
  return selectors
}

/** Names of series that rules make, not targets. */
export function madeByRules(groups: readonly RuleGroup[]): ReadonlySet<string> {
  const recorded = groups.flatMap(({ rules }) =>
    rules.filter(({ kind }) => kind === 'recording').map(({ name }) => name),
  )
  return new Set(['ALERTS', 'ALERTS_FOR_STATE', ...recorded])
}

function valuesOf(series: readonly Labels[]): Record<string, readonly string[]> {
  const values = new Map<string, Set<string>>()
  for (const labels of series) {
    for (const [name, value] of Object.entries(labels)) {
      if (name === '__name__') continue
      const set = values.get(name)
      if (set) set.add(value)
      else values.set(name, new Set([value]))
    }
  }
  return Object.fromEntries(
    [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, set]) => [name, listed(name, set)]),
  )
}

function joinMetrics(a: MetricSurvey, b: MetricSurvey): MetricSurvey {
  const labels: Record<string, readonly string[]> = { ...a.labels }
  for (const [name, values] of Object.entries(b.labels)) {
    const before = labels[name]
    labels[name] = before ? listed(name, new Set([...before, ...values])) : values
  }
  return { series: Math.max(a.series, b.series), labels }
}

function listed(name: string, values: ReadonlySet<string>): readonly string[] {
  const sorted = [...values].sort()
  return name === 'le' || name === 'job' ? sorted : sorted.slice(0, valuesMax)
}
