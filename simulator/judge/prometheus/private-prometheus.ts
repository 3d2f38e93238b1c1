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
import { type Guard, guardProcess } from './guard.ts'
import { PrometheusApi } from './prometheus-api.ts'

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
/** Longer than any drill. */
const wholeDrill = '10000d'
/** How long after its last answer the end of a server is waited for. */
const endMsMax = 500

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
      `--storage.tsdb.retention.time=${wholeDrill}`,
      // Hours of a drill are written within seconds. A query that comes while the server moves them out of its memory misses
      // samples, or fails; with a block as long as the whole drill there is nothing to move.
      `--storage.tsdb.min-block-duration=${wholeDrill}`,
      `--storage.tsdb.max-block-duration=${wholeDrill}`,
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
  const guard = child.pid === undefined ? undefined : guardProcess(child.pid, folder)
  try {
    const url = await listenAddress(child, options.binary)
    const server = new PrivatePrometheus(url, child, guard, folder, options)
    await server.identify()
    return server
  } catch (error) {
    child.kill('SIGKILL')
    if (child.pid !== undefined) options.onEnd?.(child.pid)
    await rm(folder, { recursive: true, force: true })
    guard?.release()
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
  readonly #api = new PrometheusApi((path, init) => this.#fetch(path, init))
  readonly #child: ChildProcess
  readonly #guard: Guard | undefined
  readonly #folder: string
  readonly #options: PrivatePrometheusOptions
  #ended: string | undefined
  #closed = false

  constructor(
    url: string,
    child: ChildProcess,
    guard: Guard | undefined,
    folder: string,
    options: PrivatePrometheusOptions,
  ) {
    this.#url = url
    this.#child = child
    this.#guard = guard
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
    const build = await this.#api.ask<{ version: string }>('/api/v1/status/buildinfo', undefined)
    const version = build.version.replace(/\+ds.*$/, '') || (await versionOf(this.#options.binary))
    this.identity = { kind: 'prometheus', version: version ?? 'unknown' }
  }

  append(...[batch]: Parameters<Judge['append']>): Promise<void> {
    return this.#api.append(batch)
  }

  queryRange(...[query]: Parameters<Judge['queryRange']>): Promise<readonly RangeSeries[]> {
    return this.#api.queryRange(query)
  }

  query(...[expression, timeMs]: Parameters<Judge['query']>): Promise<InstantResult> {
    return this.#api.query(expression, timeMs)
  }

  series(...[matcher, startMs, endMs]: Parameters<Judge['series']>): Promise<readonly Labels[]> {
    return this.#api.series(matcher, startMs, endMs)
  }

  labelValues(...[label, matcher, startMs, endMs]: Parameters<Judge['labelValues']>): Promise<readonly string[]> {
    return this.#api.labelValues(label, matcher, startMs, endMs)
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
    this.#guard?.release()
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
