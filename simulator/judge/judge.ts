/**
 * The judge: whoever evaluates PromQL. One interface, two implementations: Prometheus's own packages as WebAssembly
 * (`embedded/`) and a private Prometheus server (`prometheus/`). Firedrill has no PromQL engine of its own.
 *
 * All times are milliseconds since the Unix epoch (whole numbers, as Prometheus stores them).
 */

/** Label name to value, `__name__` included where the series has a name. */
export type Labels = Readonly<Record<string, string>>

/**
 * Samples of one series, in order of time. `stale` lists the positions at which the sample is Prometheus's stale marker;
 * `values` holds NaN there. An ordinary NaN is not stale.
 */
export interface SeriesSamples {
  readonly labels: Labels
  readonly timesMs: readonly number[] | Float64Array
  readonly values: readonly number[] | Float64Array
  readonly stale: readonly number[]
}

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** One series of a range query's answer. Points without a value are absent. */
export interface RangeSeries {
  readonly labels: Labels
  readonly timesMs: readonly number[]
  readonly values: readonly number[]
}

export interface RangeQuery {
  readonly expression: string
  readonly startMs: number
  /** Inclusive. */
  readonly endMs: number
  readonly stepMs: number
}

export type InstantResult =
  | { readonly type: 'vector'; readonly samples: readonly Sample[] }
  | { readonly type: 'scalar'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'matrix'; readonly series: readonly RangeSeries[] }

export interface JudgeIdentity {
  readonly kind: 'embedded' | 'prometheus'
  /** Version of Prometheus, for example `3.16.0`. */
  readonly version: string
}

/** What a server takes from its configuration, and a judge must therefore know. */
export interface JudgeSettings {
  /** The step of subqueries that state none. */
  readonly evaluationIntervalMs: number
}

export const defaultJudgeSettings: JudgeSettings = { evaluationIntervalMs: 60_000 }

export interface Judge {
  readonly identity: JudgeIdentity
  /** Takes samples. Those of one series come in order of time, over any number of calls. @throws JudgeError */
  append(batch: readonly SeriesSamples[]): Promise<void>
  /** Series sorted by labels. @throws QueryError when Prometheus refuses or can't finish the query. @throws JudgeError */
  queryRange(query: RangeQuery): Promise<readonly RangeSeries[]>
  /** @throws QueryError @throws JudgeError */
  query(expression: string, timeMs: number): Promise<InstantResult>
  /** Label sets of the series that match, within the given time. @throws QueryError @throws JudgeError */
  series(matcher: string, startMs: number, endMs: number): Promise<readonly Labels[]>
  labelValues(label: string, matcher: string | undefined, startMs: number, endMs: number): Promise<readonly string[]>
  /**
   * Renders one annotation or label template with the real template package.
   * @throws TemplateError with Prometheus's own message.
   */
  renderText(template: string, data: TemplateData): Promise<string>
  /** Samples before this time are not asked for any more; a judge may forget them. */
  forget(beforeMs: number): Promise<void>
  /** An empty judge of the same kind, for assignments that write rule results back. */
  fork(): Promise<Judge>
  /** Ends the judge and removes what it left on disk. Safe to call twice. */
  close(): Promise<void>
}

export interface TemplateData {
  readonly labels: Readonly<Record<string, string>>
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly value: number
  /** Time of the evaluation, for `query` in the template. */
  readonly timeMs: number
}

/** Prometheus refused a query or could not finish it: the rule's or panel's problem. */
export class QueryError extends Error {
  readonly expression: string
  /** A bound of the judge was reached (samples, time, nesting): whether the query is right was not found out. */
  readonly limited: boolean
  constructor(expression: string, message: string, limited = false) {
    super(message)
    this.name = 'QueryError'
    this.expression = expression
    this.limited = limited
  }
}

/** A template that Prometheus can't render. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** The judge itself can't be reached or did not answer: exit code 6. */
export class JudgeError extends Error {
  readonly hint: string
  constructor(message: string, hint = '') {
    super(message)
    this.name = 'JudgeError'
    this.hint = hint
  }
}
