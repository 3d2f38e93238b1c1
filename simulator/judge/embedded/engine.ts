/**
 * Prometheus's own packages inside Node: what the WebAssembly module offers to the rest of Firedrill. Relabelling,
 * expression inspection, rule file checks and templates come from here everywhere, whichever judge gives the verdict.
 *
 * All calls are synchronous and can't be interrupted. What one call may do is bounded (see `go/limits.go`); run it in a
 * worker that can be ended all the same.
 */
import type { InstantResult, Labels, RangeQuery, RangeSeries, Sample, SeriesSamples, TemplateData } from '../judge.ts'

export interface Engine {
  /** Version of the Prometheus module, for example `3.16.0` for module v0.316.0. */
  readonly version: string

  /** Checks a rule file as Prometheus does. Empty when it is good. */
  checkRules(fileText: string): readonly RuleFileProblem[]
  /** Groups and rules of a good rule file, with durations in milliseconds and lines of the file. */
  parseRules(fileText: string): readonly ParsedGroup[]
  /** What an expression reads and gives, from the real parser. @throws QueryError */
  inspect(expression: string): ExpressionFacts
  /** Which of these metric names the selector's matchers on `__name__` let through. @throws QueryError */
  matchesName(selector: string, names: readonly string[]): readonly string[]
  /** A duration as Prometheus writes it (`5m`, `1h30m`), milliseconds. @throws Error with Prometheus's message */
  parseDuration(text: string): number

  /** Compiles a list of relabel_configs (parsed YAML as plain objects). @throws Error with Prometheus's own message */
  compileRelabel(configs: readonly unknown[]): Relabeler

  /**
   * An empty store for samples.
   * @param evaluationIntervalMs the step of subqueries that state none, as in a server
   */
  createStore(evaluationIntervalMs?: number): EngineStore
  /**
   * @param answers who answers `query` inside of the template: a store, or what another judge said to each expression
   * @returns the text, or the query that nobody has answered yet. @throws TemplateError
   */
  renderText(
    template: string,
    data: TemplateData,
    answers?: EngineStore | ReadonlyMap<string, readonly Sample[]>,
  ): { readonly text: string } | { readonly needs: string }
  /** Memory that the module holds. It never shrinks. */
  readonly memoryBytes: number
  /** What was found out about rule files and expressions: an engine in a thread of its own need not find it out again. */
  readonly known: KnownAnswers
}

/** Operation and input to answer, as text: crosses worker boundaries. */
export type KnownAnswers = ReadonlyMap<string, string>

export interface Relabeler {
  /**
   * @returns the labels after relabelling, or `{ droppedBy: i }`, the position of the config that dropped the series.
   * Labels that begin with `__` are kept; the caller removes what should not stay.
   */
  apply(labels: Labels): Labels | { readonly droppedBy: number }
}

export interface EngineStore {
  append(batch: readonly SeriesSamples[]): void
  /** Series sorted by labels. @throws QueryError, with `limited` when a bound of the engine was reached */
  queryRange(query: RangeQuery): readonly RangeSeries[]
  query(expression: string, timeMs: number): InstantResult
  series(matcher: string, startMs: number, endMs: number): readonly Labels[]
  labelValues(label: string, matcher: string | undefined, startMs: number, endMs: number): readonly string[]
  /** Forgets samples older than this. */
  dropBefore(timeMs: number): void
  close(): void
}

export interface RuleFileProblem {
  /** 1-based; 0 when Prometheus names no place. */
  readonly line: number
  readonly column: number
  readonly message: string
}

export interface ParsedGroup {
  readonly name: string
  /** Undefined: the global evaluation_interval. */
  readonly intervalMs: number | undefined
  readonly queryOffsetMs: number | undefined
  readonly limit: number
  /** Labels of the group (Prometheus 3), added to each rule. */
  readonly labels: Readonly<Record<string, string>>
  readonly line: number
  readonly rules: readonly ParsedRule[]
}

export interface ParsedRule {
  /** Name of the alert or of the recorded series. */
  readonly name: string
  readonly kind: 'alerting' | 'recording'
  readonly expression: string
  readonly forMs: number
  readonly keepFiringForMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** 1-based line and column of the rule and of its expression in the file. */
  readonly line: number
  readonly column: number
  readonly expressionLine: number
}

export interface ExpressionFacts {
  readonly type: 'vector' | 'scalar' | 'matrix' | 'string'
  /** The expression as Prometheus prints it. */
  readonly canonical: string
  readonly selectors: readonly SelectorFacts[]
  readonly functions: readonly string[]
  /** Top-level comparison with a number, when there is one, for example `> 0.05`. */
  readonly threshold: { readonly operator: string; readonly value: number; readonly left: string } | undefined
  /** How far back of the evaluation time the expression can look, milliseconds (ranges, offsets, subqueries, lookback). */
  readonly lookbackMs: number
  /** Uses `@ start()` or `@ end()`: each evaluation must be a query of its own. */
  readonly perInstant: boolean
  /** Uses a negative offset or `@` with a time: it can read what a server has not scraped yet. */
  readonly looksAhead: boolean
}

export interface SelectorFacts {
  /** The selector as Prometheus prints it, without range. */
  readonly selector: string
  /** Metric name when it is matched by equality. */
  readonly metric: string | undefined
  readonly matchers: readonly {
    readonly name: string
    readonly operator: '=' | '!=' | '=~' | '!~'
    readonly value: string
  }[]
  /** Length of the range, milliseconds; 0 for an instant selector. */
  readonly rangeMs: number
  readonly offsetMs: number
  /** True inside absent() or absent_over_time(). */
  readonly absent: boolean
}
