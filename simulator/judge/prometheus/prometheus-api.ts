/** The HTTP interface of a Prometheus server, as far as a judge needs it: remote write, queries, series, label values. */
import { type InstantResult, type Judge, JudgeError, type Labels, QueryError, type RangeSeries } from '../judge.ts'
import { encodeRemoteWrite } from './remote-write.ts'

const attemptsMax = 4
const retryAfterMs = 250
/** What the server gives at most for one series of a range query. */
const pointsMax = 11_000

export class PrometheusApi implements Pick<Judge, 'append' | 'queryRange' | 'query' | 'series' | 'labelValues'> {
  readonly #fetch: (path: string, init: RequestInit) => Promise<Response>

  /** @param fetchPath asks the server for a path; throws JudgeError when it does not answer */
  constructor(fetchPath: (path: string, init: RequestInit) => Promise<Response>) {
    this.#fetch = fetchPath
  }

  async append(...[batch]: Parameters<Judge['append']>): Promise<void> {
    // One after the other: concurrent first writes race, and the order within a series matters.
    for (const { body } of encodeRemoteWrite(batch)) await this.#write(body)
  }

  async #write(body: Uint8Array): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#fetch('/api/v1/write', {
        method: 'POST',
        headers: {
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'x-prometheus-remote-write-version': '0.1.0',
        },
        body: body as Uint8Array<ArrayBuffer>,
      })
      const text = await response.text()
      if (response.ok) return
      const repeatable = response.status >= 500 || response.status === 429
      // Only the identical body may be sent again, and only where the server says that it may help.
      if (!repeatable || attempt === attemptsMax) {
        throw new JudgeError(`Prometheus refused samples with ${response.status}: ${text.trim()}`)
      }
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs * attempt))
    }
  }

  async queryRange(...[query]: Parameters<Judge['queryRange']>): Promise<readonly RangeSeries[]> {
    const { expression, startMs, endMs, stepMs } = query
    const joined = new Map<string, { labels: Labels; timesMs: number[]; values: number[] }>()
    for (let fromMs = startMs; fromMs <= endMs; fromMs += pointsMax * stepMs) {
      const toMs = Math.min(endMs, fromMs + (pointsMax - 1) * stepMs)
      const { result } = await this.ask<{ result: ApiSeries[] }>(
        '/api/v1/query_range',
        { query: expression, start: seconds(fromMs), end: seconds(toMs), step: seconds(stepMs) },
        expression,
      )
      for (const { metric, values } of result) {
        if (!values) continue
        const key = JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)))
        const series = joined.get(key) ?? { labels: metric, timesMs: [], values: [] }
        joined.set(key, series)
        for (const [time, value] of values) {
          series.timesMs.push(Math.round(time * 1000))
          series.values.push(parseValue(value))
        }
      }
    }
    return [...joined.values()].sort((a, b) => compareLabels(a.labels, b.labels))
  }

  async query(...[expression, timeMs]: Parameters<Judge['query']>): Promise<InstantResult> {
    const answer = await this.ask<ApiInstant>('/api/v1/query', { query: expression, time: seconds(timeMs) }, expression)
    switch (answer.resultType) {
      case 'scalar':
        return { type: 'scalar', value: parseValue(answer.result[1]) }
      case 'string':
        return { type: 'string', value: answer.result[1] }
      case 'matrix': {
        const series = answer.result.map(({ metric, values = [] }) => ({
          labels: metric,
          timesMs: values.map(([time]) => Math.round(time * 1000)),
          values: values.map(([, value]) => parseValue(value)),
        }))
        return { type: 'matrix', series }
      }
      case 'vector': {
        const samples = answer.result.flatMap(({ metric, value }) =>
          value ? [{ labels: metric, value: parseValue(value[1]) }] : [],
        )
        return { type: 'vector', samples }
      }
    }
  }

  series(...[matcher, startMs, endMs]: Parameters<Judge['series']>): Promise<readonly Labels[]> {
    const form = { 'match[]': matcher, start: seconds(startMs), end: seconds(endMs) }
    return this.ask<Labels[]>('/api/v1/series', form, matcher)
  }

  labelValues(...[label, matcher, startMs, endMs]: Parameters<Judge['labelValues']>): Promise<readonly string[]> {
    const form = { ...(matcher && { 'match[]': matcher }), start: seconds(startMs), end: seconds(endMs) }
    const path = `/api/v1/label/${encodeURIComponent(label)}/values?${new URLSearchParams(form)}`
    return this.ask<string[]>(path, undefined, matcher)
  }

  /** @param form posted; a GET without one @throws QueryError when the server refuses the expression */
  async ask<T>(path: string, form: Record<string, string> | undefined, expression = ''): Promise<T> {
    const response = await this.#fetch(
      path,
      form ? { method: 'POST', body: new URLSearchParams(form) } : { method: 'GET' },
    )
    const answer = (await response.json()) as { status: string; data: T; errorType?: string; error?: string }
    if (answer.status === 'success') return answer.data
    if (['bad_data', 'execution', 'timeout', 'canceled'].includes(answer.errorType ?? '')) {
      const message = (answer.error ?? '').replace(/^invalid parameter "query": /, '')
      const limited = answer.errorType === 'timeout' || message.includes('would load too many samples')
      throw new QueryError(expression, message, limited)
    }
    throw new JudgeError(`Prometheus answered ${response.status}: ${answer.error}`)
  }
}

interface ApiSeries {
  readonly metric: Labels
  /** Absent for native histograms. */
  readonly values?: readonly (readonly [number, string])[]
}

type ApiInstant =
  | { readonly resultType: 'vector'; readonly result: readonly { metric: Labels; value?: readonly [number, string] }[] }
  | { readonly resultType: 'matrix'; readonly result: readonly ApiSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: readonly [number, string] }

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

function parseValue(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}

/** As Prometheus sorts: name by name and value by value, and who has fewer labels goes first. */
function compareLabels(a: Labels, b: Labels): number {
  const [ours, theirs] = [a, b].map((labels) =>
    Object.entries(labels)
      .sort(([x], [y]) => (x < y ? -1 : 1))
      .flat(),
  )
  for (const [i, text] of ours!.entries()) {
    const other = theirs![i]
    if (other === undefined) return 1
    if (text !== other) return text < other ? -1 : 1
  }
  return ours!.length - theirs!.length
}
