/**
 * A drill in the live world: starts the platform, plays the scenario in real or accelerated time, and judges what the
 * real Alertmanager sent by the same expectations as the virtual run; then compares the two worlds.
 */
import { createReadStream, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { machineTimers } from '../../services/runtime/live/live-clock.ts'
import type { RuleEvaluation } from '../alerts/evaluate.ts'
import { alertNames, type RuleGroup } from '../alerts/load-rules.ts'
import type { PanelSources } from '../dashboards/panel-evaluation.ts'
import { describeEvent, verdictOf } from '../drill/conclude-drill.ts'
import type { DrillEvidence } from '../drill/drill-evidence.ts'
import type { AlertResult, DrillResult, Finding } from '../drill/drill-result.ts'
import { EffectWitness, type WitnessedPlatform } from '../drill/effect-witness.ts'
import { exitCodeOf } from '../drill/exit-codes.ts'
import { SignalCapture } from '../drill/signal-capture.ts'
import type { SpanRecord } from '../drill/span-record.ts'
import { judgeAlerts, judgeSteady } from '../expectations/alert.ts'
import { formatDuration, formatInterval } from '../expectations/clock-text.ts'
import type { LogRecord } from '../expectations/evidence.ts'
import { judgeLogs } from '../expectations/log.ts'
import { judgeTraces } from '../expectations/trace.ts'
import { collectEvidence, shortReasons } from '../explain/collect-evidence.ts'
import { OperandObserver, type RecordedRule, rulesToRecord } from '../explain/operand-observer.ts'
import { serviceNames } from '../faults/fault-targets.ts'
import { JudgeError, type Labels } from '../judge/judge.ts'
import type { AlertExpected, Drill } from '../scenario/scenario.ts'
import { createTenants } from '../workload/tenants.ts'
import { type ExposedValue, readSamples } from './exposition-reader.ts'
import { liveEpisodes, type RecordedAlert } from './live-episodes.ts'
import { judgeLivePanels, type LivePanels } from './live-panels.ts'
import { answerOf, LivePartError, LivePlatform, type LivePlatformOptions, type ServerPlan } from './live-platform.ts'
import { playTimeline } from './play-timeline.ts'
import { serverJudge } from './server-judge.ts'
import { unconfirmable } from './speed/confirmable.ts'
import { LiveKernel } from './traffic/live-kernel.ts'
import type { Notification } from './webhook-receiver.ts'

export interface LiveDrillOptions
  extends Omit<LivePlatformOptions, 'drill' | 'keepsSpans' | 'onLine' | 'onDeath' | 'onAudit' | 'prometheus'> {
  readonly prometheus: ServerPlan
  readonly groups: readonly RuleGroup[]
  readonly foreignRules: boolean
  /** Undefined: no dashboards are judged. */
  readonly panels: PanelSources | undefined
  /** The same drill in the virtual world, to compare with. */
  readonly virtual: DrillResult | undefined
  /** Gets what a report draws. Collected only when somebody wants it. */
  readonly onEvidence: ((evidence: DrillEvidence) => void) | undefined
  /** Gets the platform before it starts, so that it can be ended from outside. */
  onPlatform(platform: LivePlatform): void
  onProgress(progress: { drillMs: number; lengthMs: number; firing: number }): void
  /** Milliseconds of a clock that only wall times are read from. */
  wallClock(): number
}

export interface LiveDrillResult {
  readonly result: DrillResult
  readonly notifications: readonly ReportedNotification[]
  /** How late this machine was at its worst, milliseconds of the machine. */
  readonly jitterMs: number
  readonly speed: number
  /** Alerts that this speed can't confirm, with the reason. */
  readonly notConfirmed: Readonly<Record<string, string>>
}

export interface ReportedNotification {
  readonly status: Notification['status']
  /** Seconds since the start of the drill. */
  readonly startsAt: number
  readonly endsAt: number | null
  readonly labels: Labels
  readonly annotations: Labels
}

/** After the end of the drill Alertmanager gets this time to tell what is over, milliseconds of the machine. */
const graceMs = 3_000

/** @throws LivePartError when a part does not come up or dies */
export async function runLiveDrill(drill: Drill, options: LiveDrillOptions): Promise<LiveDrillResult> {
  const startedMs = options.wallClock()
  mkdirSync(options.folder, { recursive: true })
  const run = new LiveDrillRun(drill, options)
  try {
    await run.play()
    return await run.conclude(startedMs)
  } finally {
    await run.close()
  }
}

class LiveDrillRun {
  readonly #drill: Drill
  readonly #options: LiveDrillOptions
  readonly #platform: LivePlatform
  readonly #logs: SignalCapture
  readonly #deaths: string[] = []
  readonly #witness: EffectWitness
  readonly #lateness: number[] = []
  #withheld = 0
  #stopped = false
  #ended = false

  constructor(drill: Drill, options: LiveDrillOptions) {
    this.#drill = drill
    this.#options = options
    this.#logs = new SignalCapture(options.folder, 'logs')
    this.#platform = new LivePlatform({
      ...options,
      drill,
      keepsSpans: true,
      onLine: (process, line, stream) => {
        if (stream === 'stdout' && (serviceNames as readonly string[]).includes(process)) this.#logs.write(`${line}\n`)
        else if (line.startsWith('withheld ')) this.#withheld = Number(line.split(' ')[1])
        else if (line.includes('has a bug')) this.#deaths.push(line)
      },
      onDeath: (process, reason) => {
        // Out of memory is a part of the model.
        if (reason !== 'exit code 137') this.#deaths.push(`${process} ended (${reason})`)
      },
      onAudit: () => {},
    })
    this.#witness = new EffectWitness(this.#witnessed(), drill)
  }

  async play(): Promise<void> {
    const { lengthMs } = this.#drill
    const platform = this.#platform
    this.#options.onPlatform(platform)
    await platform.start()
    const kernel = new LiveKernel(platform.clock, this.#zero(), (error) => this.#deaths.push(error.message))
    playTimeline(this.#drill, {
      board: platform.board,
      scheduler: kernel,
      nowMs: () => this.#nowMs(),
      onStep: (lateMs) => this.#lateness.push(lateMs),
      onError: (error) => this.#deaths.push(error.message),
    })
    this.#witness.start()
    const lateness = watchLateness()
    while (this.#nowMs() < lengthMs) {
      const firing = openAlerts(platform.notifications)
      this.#options.onProgress({ drillMs: this.#nowMs(), lengthMs, firing })
      await new Promise((resolve) => setTimeout(resolve, Math.min(200, this.#wallMs(lengthMs - this.#nowMs()) + 1)))
      if (platform.isStopped) throw new LivePartError('interrupted')
      if (this.#deaths.length > 0) throw new LivePartError(this.#deaths[0]!)
    }
    this.#ended = true
    this.#lateness.push(lateness.stop() * this.#options.speed)
    await this.#awaitResolved()
  }

  async conclude(startedMs: number): Promise<LiveDrillResult> {
    const { prometheus, speed, groups, foreignRules, virtual } = this.#options
    const { externalLabels } = prometheus.config
    const { recorded, stepMs } = await this.#recordedAlerts()
    const jitterMs = await this.#jitterMs()
    const notConfirmed = speed === 1 ? new Map<string, string>() : unconfirmable(groups).alerts
    const { panels, operands } = await this.#askPrometheus(notConfirmed)
    await this.stop()
    const { notifications } = this.#platform
    const { evaluations, untold } = liveEpisodes({
      groups,
      notifications,
      recorded,
      recordedStepMs: stepMs,
      externalLabels,
      toDrillMs: (unixMs) => this.#toDrillMs(unixMs),
    })
    const drill = widened(this.#drill, jitterMs * speed)
    const judged = evaluations.flatMap((evaluation) => withReason(evaluation, notConfirmed, speed, drill) ?? [])
    const explain = () => undefined
    const judgedAlerts = (
      await judgeAlerts({
        drill,
        evaluations: judged,
        // Texts were rendered by Prometheus, so nothing is asked of a judge.
        text: { judge: undefined as never, externalLabels, externalUrl: '' },
        foreignRules,
        explain,
      })
    ).filter(({ alertname, expected }) => expected !== 'not in these rules' || !notConfirmed.has(alertname))
    const questions = { drill: this.#drill, evaluations: judged, alerts: judgedAlerts, recorded: operands, explain }
    const alerts = shortReasons(questions)
    const steady = judgeSteady(drill, judged)
    const evidence = { logs: () => this.#logRecords(), spans: () => this.#spanRecords() }
    const logs = await judgeLogs(drill, evidence)
    const traces = await judgeTraces(drill, evidence)
    const effects = this.#witness.results()
    const { onEvidence } = this.#options
    if (onEvidence) {
      const collected = await collectEvidence(questions, { readings: this.#witness.readings(), evidence })
      onEvidence({ ...collected, panels: panels.evidence })
    }
    const findings = [
      ...untold.map(
        (labels): Finding => ({
          code: 'notification-missing',
          severity: 'error',
          where: `alert ${labels.alertname}`,
          message: `${labels.alertname} fired in Prometheus, and Alertmanager told nobody`,
          evidence: JSON.stringify(labels),
        }),
      ),
      ...(virtual ? compareWorlds(alerts, virtual, notConfirmed) : []),
    ]
    const verdict = verdictOf({ alerts, steady, effects, panels: panels.results, logs, traces })
    const agreed = findings.length === 0 || verdict !== 'held' ? verdict : 'expectation failed'
    const spans = await count(this.#spanRecords())
    const lines = this.#logs.accounting
    const result: DrillResult = {
      scenario: this.#drill.name,
      title: this.#drill.title,
      seed: this.#drill.seed,
      verdict: agreed,
      exitCode: exitCodeOf(agreed),
      judge: { kind: 'prometheus', version: prometheus.version },
      virtualSeconds: this.#drill.lengthMs / 1000,
      wallSeconds: Math.round(this.#options.wallClock() - startedMs) / 1000,
      streamHash: 'live',
      events: this.#drill.events.map((event) => describeEvent(event)),
      alerts,
      effects,
      steady,
      panels: panels.results,
      logs,
      traces,
      findings,
      accounting: {
        metrics: { generated: 0, delivered: 0, dropped: {}, queued: 0 },
        logs: lines,
        traces: { generated: spans, delivered: spans, dropped: {}, queued: 0 },
      },
      notes: [...this.#notes(jitterMs), ...this.#platform.notes, ...panels.notes, ...absent(this.#drill, groups)],
    }
    return {
      result,
      notifications: notifications.map((notification) => this.#reported(notification, externalLabels)),
      jitterMs: Math.round(jitterMs),
      speed,
      notConfirmed: Object.fromEntries(notConfirmed),
    }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.#platform.stop()
  }

  async close(): Promise<void> {
    this.#ended = true
    await this.stop()
    this.#logs.close()
  }

  #notes(jitterMs: number): string[] {
    const { speed } = this.#options
    const jitter = `this machine was up to ${Math.round(jitterMs)} ms late`
    if (speed === 1) return [`real time, nothing is rewritten; ${jitter}, windows are wider by that`]
    return [
      `${speed} times faster: intervals, waits, ranges, offsets, lookback and resend delay are divided by ${speed}; ` +
        `${jitter}, windows are wider by ${formatDuration(jitterMs * speed)}`,
      'scrape time-outs are as long as the scrape interval',
      ...(this.#withheld > 0
        ? [`${this.#withheld} requests were withheld: this machine is too slow for ${speed}`]
        : []),
    ]
  }

  /** Milliseconds since the start of the drill. */
  #nowMs(): number {
    return this.#toDrillMs(machineTimers.nowMs())
  }

  #toDrillMs(unixMs: number): number {
    return (unixMs - this.#platform.zeroMs) * this.#options.speed
  }

  #wallMs(ms: number): number {
    return ms / this.#options.speed
  }

  /** The start of the drill on the platform's clock. */
  #zero(): number {
    const { clock } = this.#platform
    return clock.nowMs() - this.#nowMs()
  }

  /** What fired before the end may have its end told a moment later. */
  async #awaitResolved(): Promise<void> {
    const until = performance.now() + graceMs
    while (openAlerts(this.#platform.notifications) > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    // One more group interval, for what Prometheus has only just told.
    await new Promise((resolve) => setTimeout(resolve, 500))
  }

  async #recordedAlerts(): Promise<{ recorded: RecordedAlert[]; stepMs: number }> {
    const { zeroMs } = this.#platform
    const endMs = machineTimers.nowMs()
    // A server gives 11,000 points at most.
    const stepMs = Math.max(50, Math.ceil((endMs - zeroMs) / 10_000))
    const form = {
      query: 'ALERTS',
      start: String(zeroMs / 1000),
      end: String(endMs / 1000),
      step: String(stepMs / 1000),
    }
    const response = await answerOf(
      'Prometheus',
      `http://${this.#platform.addressOf('prometheus')}/api/v1/query_range`,
      {
        method: 'POST',
        body: new URLSearchParams(form),
      },
    )
    const answer = (await response.json()) as {
      status: string
      error?: string
      data: { result: { metric: Record<string, string>; values: [number, string][] }[] }
    }
    if (answer.status !== 'success') throw new LivePartError(`Prometheus does not answer: ${answer.error}`)
    const recorded = answer.data.result.map(({ metric, values }): RecordedAlert => {
      const { __name__: _, alertstate, ...labels } = metric
      return { labels, state: alertstate as 'pending' | 'firing', timesMs: values.map(([time]) => time * 1000) }
    })
    return { recorded, stepMs }
  }

  /** What the server knows that scraped it all, while it still runs. */
  async #askPrometheus(
    notConfirmed: ReadonlyMap<string, string>,
  ): Promise<{ panels: LivePanels; operands: readonly RecordedRule[] }> {
    const { panels: sources, groups, speed, prometheus, onEvidence } = this.#options
    const drill = this.#drill
    const server = {
      url: `http://${this.#platform.addressOf('prometheus')}`,
      version: prometheus.version,
      speed,
      zeroMs: this.#platform.zeroMs,
      parseDuration: prometheus.parseDuration,
    }
    const judge = serverJudge(server, drill.startMs)
    const rules = rulesToRecord(drill, groups, onEvidence !== undefined)
    const operands = new OperandObserver({
      rules: rules.filter(({ rule }) => !notConfirmed.has(rule.name)),
      judgeOf: () => judge,
      startMs: drill.startMs,
      lengthMs: drill.lengthMs,
    })
    try {
      await operands.advance(drill.lengthMs)
      const panels = sources
        ? await judgeLivePanels({ drill, sources, groups, judge, speed })
        : { results: [], evidence: [], notes: [] }
      return { panels, operands: operands.results() }
    } catch (error) {
      if (error instanceof JudgeError) throw new LivePartError(error.message)
      throw error
    }
  }

  /** The worst of what the launcher's own timers, the scrapes and the evaluations were late by. */
  async #jitterMs(): Promise<number> {
    const { speed, groups, prometheus } = this.#options
    const own = Math.max(0, ...this.#lateness) / speed
    const samples = await readSamples(`http://${this.#platform.addressOf('prometheus')}/metrics`)
    const longestEvaluationS = Math.max(
      0,
      ...samples.filter(({ name }) => name === 'prometheus_rule_group_last_duration_seconds').map(({ value }) => value),
    )
    const intervals = prometheus.config.jobs.flatMap(({ targets }) => targets.map(({ intervalMs }) => intervalMs))
    const scrapeLateMs = Math.max(0, ...intervals.map((intervalMs) => scrapeLateness(samples, intervalMs / speed)))
    const missed = samples
      .filter(({ name }) => name === 'prometheus_rule_group_iterations_missed_total')
      .reduce((sum, { value }) => sum + value, 0)
    // A missed evaluation moves what it would have found to the next one.
    const missedMs = missed > 0 ? Math.max(...groups.map(({ intervalMs }) => intervalMs)) / speed : 0
    return Math.max(own, longestEvaluationS * 1000, scrapeLateMs, missedMs)
  }

  /** Time stamps are the machine's; a drill's are those of its scenario. */
  async *#logRecords(): AsyncGenerator<LogRecord> {
    for await (const record of this.#logs.records()) {
      const atMs = this.#drill.startMs + this.#toDrillMs(Date.parse(String(record.timestamp)))
      yield { ...record, timestamp: new Date(Math.floor(atMs)).toISOString() }
    }
  }

  async *#spanRecords(): AsyncGenerator<SpanRecord> {
    for (const service of serviceNames) {
      const file = join(this.#platform.spansFolder, `${service}.jsonl`)
      if (!existsSync(file)) continue
      for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
        let span: SpanRecord
        try {
          span = JSON.parse(line) as SpanRecord
        } catch {
          // A process that was killed may have died in the middle of a line.
          continue
        }
        const startMs = this.#drill.startMs + this.#toDrillMs(span.startMs)
        yield { ...span, startMs, durationMs: span.durationMs * this.#options.speed }
      }
    }
  }

  #reported(
    { status, labels, annotations, startsAtMs, endsAtMs }: Notification,
    external: Labels,
  ): ReportedNotification {
    return {
      status,
      startsAt: Math.round(this.#toDrillMs(startsAtMs)) / 1000,
      endsAt: status === 'resolved' ? Math.round(this.#toDrillMs(endsAtMs)) / 1000 : null,
      labels: Object.fromEntries(Object.entries(labels).filter(([name]) => !(name in external))),
      annotations,
    }
  }

  #witnessed(): WitnessedPlatform {
    const { clock } = this.#platform
    return {
      tenants: createTenants(this.#drill.world),
      nowMs: () => this.#nowMs(),
      unixMs: () => clock.nowMs(),
      sleep: (ms) => (this.#ended ? new Promise(() => {}) : clock.sleep(ms)),
      spawn: (flow) => void flow.catch((error: Error) => this.#deaths.push(error.message)),
      beginReading: () => {
        const read = new Map<string, Promise<ExposedValue[] | undefined>>()
        const samples = (process: string) => {
          const known =
            read.get(process) ??
            readSamples(`http://${this.#platform.addressOf(process)}/metrics`).catch(() => undefined)
          read.set(process, known)
          return known
        }
        return {
          isReachable: async (process) => (await samples(process)) !== undefined,
          async samplesOf(process, metric) {
            const own = (await samples(process))?.filter(
              ({ name }) => name === metric || name === `${metric}_sum` || name === `${metric}_count`,
            )
            return own?.map(({ name, labels, value }) => ({ metricName: name, labels, value }))
          },
        }
      },
    }
  }
}

/** How many alerts were told as firing and not yet as over. */
function openAlerts(notifications: readonly Notification[]): number {
  const open = new Map<string, boolean>()
  for (const { labels, startsAtMs, status } of notifications) {
    open.set(`${JSON.stringify(labels)} ${startsAtMs}`, status === 'firing')
  }
  return [...open.values()].filter(Boolean).length
}

/** @returns how much later than its interval a target was scraped, at the 99th percentile, milliseconds */
function scrapeLateness(samples: readonly ExposedValue[], intervalMs: number): number {
  const own = samples.find(
    ({ name, labels }) =>
      name === 'prometheus_target_interval_length_seconds' &&
      labels.quantile === '0.99' &&
      Math.abs(parseMs(labels.interval ?? '') - intervalMs) <= 1,
  )
  return own && Number.isFinite(own.value) ? Math.max(0, own.value * 1000 - intervalMs) : 0
}

/** `250ms`, `15s`: as Go prints a duration in that label. */
function parseMs(text: string): number {
  const match = /^([\d.]+)(ms|s)$/.exec(text)
  return match ? Number(match[1]) * (match[2] === 's' ? 1000 : 1) : Number.NaN
}

/** Asks the machine for a timer again and again. @returns tells the worst lateness, milliseconds */
function watchLateness(): { stop(): number } {
  const everyMs = 20
  let worstMs = 0
  let dueMs = performance.now() + everyMs
  const timer = setInterval(() => {
    worstMs = Math.max(worstMs, performance.now() - dueMs)
    dueMs = performance.now() + everyMs
  }, everyMs)
  return {
    stop() {
      clearInterval(timer)
      return worstMs
    },
  }
}

function widened(drill: Drill, byMs: number): Drill {
  const widen = ([from, to]: readonly [number, number]): [number, number] => [from - byMs, to + byMs]
  const alerts = Object.fromEntries(
    Object.entries(drill.expect.alerts).map(([name, expected]): [string, AlertExpected] => [
      name,
      expected.kind === 'fires'
        ? { ...expected, firing: widen(expected.firing), resolved: expected.resolved && widen(expected.resolved) }
        : expected,
    ]),
  )
  return { ...drill, expect: { ...drill.expect, alerts } }
}

/** What can't be confirmed is not judged: a failure where the scenario asks for it, left out where it does not. */
function withReason(
  evaluation: RuleEvaluation,
  reasons: ReadonlyMap<string, string>,
  speed: number,
  drill: Drill,
): RuleEvaluation | undefined {
  const reason = reasons.get(evaluation.rule.name)
  if (reason === undefined) return evaluation
  const named = drill.expect.alerts[evaluation.rule.name]
  if (named === undefined || named.kind === 'may' || named.kind === 'silent') return undefined
  return { ...evaluation, notJudged: `not confirmed at ${speed}: it ${reason}` }
}

/** The same alerts in both worlds, each where the other says it may be. */
function compareWorlds(
  alerts: readonly AlertResult[],
  virtual: DrillResult,
  notConfirmed: ReadonlyMap<string, string>,
): Finding[] {
  return virtual.alerts.flatMap((there): Finding[] => {
    if (notConfirmed.has(there.alertname)) return []
    const here = alerts.find(({ alertname }) => alertname === there.alertname)
    const [firesThere, firesHere] = [there.firingAt !== null, (here?.firingAt ?? null) !== null]
    if (!here || firesThere === firesHere) return []
    const tell = (at: AlertResult['firingAt']) => (at ? `fires ${formatInterval(at)}` : 'is silent')
    return [
      {
        code: 'worlds-differ',
        severity: 'error',
        where: `alert ${there.alertname}`,
        message: `${there.alertname} ${tell(there.firingAt)} in the virtual world and ${tell(here.firingAt)} live`,
        evidence: here.detail,
      },
    ]
  })
}

function absent(drill: Drill, groups: readonly RuleGroup[]): string[] {
  const known = alertNames(groups)
  return Object.keys(drill.expect.alerts)
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is not in these rules`)
}

async function count(items: AsyncIterable<unknown>): Promise<number> {
  let total = 0
  for await (const _ of items) total += 1
  return total
}
