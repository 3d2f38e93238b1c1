/**
 * The second judge: a Prometheus server of this drill alone. Empty data directory in a temporary folder, a port that the
 * system chooses, no scrape jobs; samples come by remote write. Ended and removed at the close.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '../embedded/engine.ts'
import {
  defaultJudgeSettings,
  type InstantResult,
  type Judge,
  JudgeError,
  type JudgeIdentity,
  type JudgeSettings,
  type Labels,
  QueryError,
  type RangeSeries,
  type Sample,
  TemplateError,
} from '../judge.ts'
import { versionOf } from './find-binary.ts'
import { encodeRemoteWrite } from './remote-write.ts'

export interface PrivatePrometheusOptions {
  readonly binary: string
  /** A folder inside of it is made and removed. */
  readonly temporaryFolder: string
  /** Renders texts. (A server renders them only for its own alerts.) */
  readonly engine: Engine
  readonly settings?: JudgeSettings
  /** Told of the server's process, so that somebody else can end it when this thread can't any more. */
  readonly onStart?: (pid: number) => void
  readonly onEnd?: (pid: number) => void
}

const startMsMax = 20_000
const requestMsMax = 110_000
/** Before a request is given up, so that the server can say what was too long. */
const queryTimeoutMs = 100_000
/** As in the embedded engine, see `go/limits.go`. */
const samplesMax = 10_000_000
const attemptsMax = 4
const retryAfterMs = 250
/** How long after its last answer the end of a server is waited for. */
const endMsMax = 500
/** What the server gives at most for one series of a range query. */
const pointsMax = 11_000

/** @throws JudgeError when the server does not start */
export async function startPrivatePrometheus(options: PrivatePrometheusOptions): Promise<Judge> {
  const folder = await mkdtemp(join(options.temporaryFolder, 'prometheus-'))
  const configFile = join(folder, 'prometheus.yml')
  const { evaluationIntervalMs } = options.settings ?? defaultJudgeSettings
  await writeFile(
    configFile,
    [
      'global:',
      `  evaluation_interval: ${evaluationIntervalMs}ms`,
      // Samples of a drill may come twice, and those of the past after newer ones: both are welcome.
      'storage:',
      '  tsdb:',
      '    out_of_order_time_window: 30d',
      '',
    ].join('\n'),
  )
  const child = spawn(
    options.binary,
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--storage.tsdb.retention.time=10000d',
      '--web.listen-address=127.0.0.1:0',
      '--web.enable-remote-write-receiver',
      // Bounded as the embedded judge is.
      `--query.max-samples=${samplesMax}`,
      `--query.timeout=${queryTimeoutMs}ms`,
      '--log.level=info',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  // Before anything else: who ends this thread while the server starts must know of it.
  if (child.pid !== undefined) options.onStart?.(child.pid)
  try {
    const url = await listenAddress(child, options.binary)
    const server = new PrivatePrometheus(url, child, folder, options)
    await server.identify()
    return server
  } catch (error) {
    child.kill('SIGKILL')
    if (child.pid !== undefined) options.onEnd?.(child.pid)
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** The server says in its log which port it got. */
function listenAddress(child: ChildProcess, binary: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = ''
    const fail = (reason: string) => {
      const last = log.trim().split('\n').at(-1) ?? ''
      reject(new JudgeError(`${binary} ${reason}${last ? `: ${last}` : ''}`, 'firedrill doctor says what is installed'))
    }
    const timer = setTimeout(() => fail(`did not listen within ${startMsMax / 1000} s`), startMsMax)
    child.on('error', (error) => {
      clearTimeout(timer)
      fail(`could not be started: ${error.message}`)
    })
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      fail(`ended at once (${signal ?? `exit code ${code}`})`)
    })
    child.stderr!.setEncoding('utf8')
    child.stderr!.on('data', (chunk: string) => {
      // Read on to the end, or the server would block on a full pipe; keep what is needed for a message.
      log = (log + chunk).slice(-20_000)
      // Prometheus 3 names the component in between.
      const match = /msg="?Listening on"? (?:component=web )?address=(127\.0\.0\.1:\d+)/.exec(log)
      if (!match) return
      clearTimeout(timer)
      resolve(`http://${match[1]}`)
    })
  })
}

class PrivatePrometheus implements Judge {
  identity: JudgeIdentity = { kind: 'prometheus', version: '' }
  readonly #url: string
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #options: PrivatePrometheusOptions
  #ended: string | undefined
  #closed = false

  constructor(url: string, child: ChildProcess, folder: string, options: PrivatePrometheusOptions) {
    this.#url = url
    this.#child = child
    this.#folder = folder
    this.#options = options
    child.on('exit', (code, signal) => {
      this.#ended = signal ?? `exit code ${code}`
      if (child.pid !== undefined) options.onEnd?.(child.pid)
    })
  }

  async identify(): Promise<void> {
    // It listens a moment before it is ready.
    for (const startedMs = performance.now(); ; ) {
      const response = await this.#fetch('/-/ready', { method: 'GET' })
      await response.arrayBuffer()
      if (response.ok) break
      if (performance.now() - startedMs > startMsMax) throw new JudgeError('Prometheus does not become ready')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const build = await this.#ask<{ version: string }>('/api/v1/status/buildinfo', undefined)
    const version = build.version.replace(/\+ds.*$/, '') || (await versionOf(this.#options.binary))
    this.identity = { kind: 'prometheus', version: version ?? 'unknown' }
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
      const { result } = await this.#ask<{ result: ApiSeries[] }>(
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
    const answer = await this.#ask<ApiInstant>(
      '/api/v1/query',
      { query: expression, time: seconds(timeMs) },
      expression,
    )
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
    return this.#ask<Labels[]>('/api/v1/series', form, matcher)
  }

  labelValues(...[label, matcher, startMs, endMs]: Parameters<Judge['labelValues']>): Promise<readonly string[]> {
    const form = { ...(matcher && { 'match[]': matcher }), start: seconds(startMs), end: seconds(endMs) }
    const path = `/api/v1/label/${encodeURIComponent(label)}/values?${new URLSearchParams(form)}`
    return this.#ask<string[]>(path, undefined, matcher)
  }

  async renderText(...[template, data]: Parameters<Judge['renderText']>): Promise<string> {
    // The engine renders, this server answers: each round answers one more query of the template.
    const answers = new Map<string, readonly Sample[]>()
    for (;;) {
      const answer = this.#options.engine.renderText(template, data, answers)
      if ('text' in answer) return answer.text
      answers.set(answer.needs, await this.#samplesOf(answer.needs, data.timeMs))
    }
  }

  async #samplesOf(expression: string, timeMs: number): Promise<readonly Sample[]> {
    try {
      const result = await this.query(expression, timeMs)
      if (result.type === 'vector') return result.samples
      if (result.type === 'scalar') return [{ labels: {}, value: result.value }]
      throw new TemplateError('rule result is not a vector or scalar')
    } catch (error) {
      if (error instanceof QueryError) throw new TemplateError(error.message)
      throw error
    }
  }

  /** The server keeps everything until it is removed. */
  async forget(): Promise<void> {}

  fork(): Promise<Judge> {
    return startPrivatePrometheus(this.#options)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#ended === undefined) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve))
      // Nothing of it is kept, so there is nothing that it should bring to disk in good order.
      this.#child.kill('SIGKILL')
      await ended
    }
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** @param form posted; a GET without one @throws QueryError when the server refuses the expression */
  async #ask<T>(path: string, form: Record<string, string> | undefined, expression = ''): Promise<T> {
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

  /** @returns how the server ended; undefined when it still runs */
  #endWithin(ms: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(this.#ended), ms)
      this.#child.once('exit', () => {
        clearTimeout(timer)
        resolve(this.#ended)
      })
    })
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#url + path, { ...init, signal: AbortSignal.timeout(requestMsMax) })
    } catch (error) {
      // A connection breaks a moment before the end of its process is told.
      const ended = this.#ended ?? this.#child.signalCode ?? (await this.#endWithin(endMsMax))
      const cause = (error as { cause?: Error }).cause?.message ?? (error as Error).message
      throw new JudgeError(
        ended ? `Prometheus ended during the drill (${ended})` : `Prometheus does not answer: ${cause}`,
      )
    }
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
