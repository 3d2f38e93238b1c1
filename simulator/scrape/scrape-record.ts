/** What the scrapes showed, for those who ask why a series is missing: exposed by which job, dropped by which step. */
import { matchesValue } from '../alerts/selector-match.ts'
import type { SelectorFacts } from '../judge/embedded/engine.ts'
import type { Labels } from '../judge/judge.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'

/** Plain data, so that a drill can be recorded and judged later. */
export interface ScrapeState {
  /** Stored name to the jobs that expose it. */
  readonly stored: Map<string, Set<string>>
  readonly renamed: Map<string, string>
  readonly dropped: Map<string, { job: string; place: string }[]>
  /** Families that targets expose, with or without samples. */
  readonly declared: Set<string>
  readonly failures: Map<string, { job: string; error: string; count: number }>
}

export class ScrapeRecord {
  readonly state: ScrapeState

  constructor(state?: ScrapeState) {
    this.state = state ?? {
      stored: new Map(),
      renamed: new Map(),
      dropped: new Map(),
      declared: new Set(),
      failures: new Map(),
    }
  }

  /** A family that a target exposes, with or without samples: a counter with labels has none before its first count. */
  declared(family: string): void {
    this.state.declared.add(family)
  }

  /**
   * Whether some series of this name is stored, or will be once something is counted.
   * @param stored name of a metric, for a histogram also with `_bucket`, `_sum` or `_count`
   */
  mayStore(metric: string): boolean {
    if (this.state.stored.has(metric) || madeByScraper.test(metric)) return true
    const family = metric.replace(/_(bucket|sum|count)$/, '')
    return (this.state.declared.has(metric) || this.state.declared.has(family)) && !this.state.dropped.has(metric)
  }

  stored(job: string, exposedName: string, storedName: string): void {
    add(this.state.stored, storedName, job)
    if (exposedName !== storedName) this.state.renamed.set(exposedName, storedName)
  }

  dropped(job: string, exposedName: string, place: string): void {
    const drops = this.state.dropped.get(exposedName) ?? []
    if (!drops.some((drop) => drop.job === job && drop.place === place)) drops.push({ job, place })
    this.state.dropped.set(exposedName, drops)
  }

  failed(job: string, address: string, error: string): void {
    const key = `${job} ${address} ${error}`
    const failure = this.state.failures.get(key) ?? { job, error, count: 0 }
    failure.count += 1
    this.state.failures.set(key, failure)
  }

  /** Whether a step of the scrape config hides series of this name. */
  isDropped(exposedName: string): boolean {
    return this.state.dropped.has(exposedName) || this.state.renamed.has(exposedName)
  }

  /**
   * Why nothing matches a selector.
   * @param series label sets of the stored series of the selector's metric
   * @returns one sentence, and whether it is the scrape config that hides the series
   */
  explainMissing(selector: SelectorFacts, series: readonly Labels[]): string {
    const { metric } = selector
    if (metric === undefined) return `no series matches ${selector.selector}`
    const drop = this.state.dropped.get(metric)?.[0]
    if (!this.state.stored.has(metric) || series.length === 0) {
      if (drop) return `${metric} is exposed by job ${drop.job}, but dropped by ${drop.place}`
      const renamed = this.state.renamed.get(metric)
      if (renamed) return `${metric} is renamed to ${renamed} by metric_relabel_configs`
      const nearest = nearestOf(metric, [...this.state.stored.keys(), ...this.state.dropped.keys()])
      return `no target exposes ${metric}${nearest ? `; the nearest is ${nearest}` : ''}`
    }
    const partly = drop ? ` (other series of it are dropped by ${drop.place})` : ''
    const blocking = selector.matchers.find(
      ({ name, operator, value }) =>
        name !== '__name__' &&
        (operator === '=' || operator === '=~') &&
        !series.some((labels) => matchesValue(labels[name] ?? '', operator, value) !== false),
    )
    if (!blocking) return `no series of ${metric} matches ${selector.selector}${partly}`
    const values = [...new Set(series.map((labels) => labels[blocking.name]).filter((value) => value !== undefined))]
    if (values.length === 0) return `no series of ${metric} has the label ${blocking.name}${partly}`
    const listed = values.sort().slice(0, 5).join(', ')
    return `no series of ${metric} has ${blocking.name}${blocking.operator}"${blocking.value}"; there is ${listed}${partly}`
  }
}

const madeByScraper = /^(up|scrape_(duration_seconds|samples_scraped|samples_post_metric_relabeling|series_added))$/

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  if (set) set.add(value)
  else map.set(key, new Set([value]))
}
