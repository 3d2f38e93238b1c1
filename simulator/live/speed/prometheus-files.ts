/**
 * The files that a real Prometheus and Alertmanager of a live run read: the user's scrape config with real addresses and
 * the labels of the file, the user's rules, and every duration of both divided by the speed. At speed 1 the rule files
 * are the user's own.
 */
import { parse, stringify } from 'yaml'
import type { PrometheusConfig, ScrapeTarget } from '../../scrape/prometheus-config.ts'
import { divideDurations, divided } from './divide-durations.ts'

export interface PrometheusFilesOptions {
  readonly config: PrometheusConfig
  /** Text of the scrape config, for what passes through unread (metric relabelling, limits). */
  readonly configText: string
  readonly speed: number
  /** Where the target of this address of the file really is; undefined: no such server runs. */
  resolve(address: string): string | undefined
  readonly alertmanager: string | undefined
  readonly ruleFiles: readonly string[]
  parseDuration(text: string): number
}

/** @returns the text of prometheus.yml, and what was left out and why */
export function prometheusFile(options: PrometheusFilesOptions): { text: string; notes: string[] } {
  const { config, configText, speed, resolve } = options
  const raw = parse(configText) as { scrape_configs?: Record<string, unknown>[] }
  const notes: string[] = []
  const scrapeConfigs = config.jobs.flatMap((job, i) => {
    const targets = job.targets.flatMap((target) => {
      const address = resolve(target.address)
      return address === undefined ? [] : [{ target, address }]
    })
    const missing = job.targets.filter(({ address }) => resolve(address) === undefined).map(({ address }) => address)
    if (missing.length > 0) notes.push(`job ${job.name}: ${missing.join(', ')} does not run here, left out`)
    const first = targets[0]
    if (!first) return []
    return [
      {
        ...passedThrough(raw.scrape_configs?.[i] ?? {}),
        job_name: job.name,
        ...timesOf(first.target, speed),
        static_configs: targets.map(({ target, address }) => ({
          targets: [address],
          labels: { __metrics_path__: target.path, ...target.labels },
        })),
      },
    ]
  })
  const file = {
    global: {
      scrape_interval: divided(60_000, speed),
      scrape_timeout: divided(10_000, speed),
      evaluation_interval: divided(config.evaluationIntervalMs, speed),
      external_labels: config.externalLabels,
    },
    rule_files: options.ruleFiles,
    ...(options.alertmanager !== undefined && {
      alerting: { alertmanagers: [{ static_configs: [{ targets: [options.alertmanager] }] }] },
    }),
    // After the drill it is told when which fault was in force: samples older than its newest ones.
    storage: { tsdb: { out_of_order_time_window: '30d' } },
    scrape_configs: scrapeConfigs,
  }
  return { text: stringify(file, { lineWidth: 0 }), notes }
}

/** What the launcher replaces; everything else of a job is Prometheus's own business. */
const replaced = [
  'job_name',
  'scrape_interval',
  'scrape_timeout',
  'metrics_path',
  'scheme',
  'static_configs',
  'relabel_configs',
]

function passedThrough(job: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(job).filter(([key]) => !replaced.includes(key) && !key.endsWith('_sd_configs')),
  )
}

/** A time-out protects Prometheus and is no claim of the rules, so at a speed it may last as long as the interval. */
function timesOf({ intervalMs, timeoutMs }: ScrapeTarget, speed: number) {
  return {
    scrape_interval: divided(intervalMs, speed),
    scrape_timeout: divided(speed === 1 ? timeoutMs : intervalMs, speed),
  }
}

const groupDurations = ['interval', 'query_offset'] as const
const ruleDurations = ['for', 'keep_firing_for'] as const

interface RawRules {
  groups?: (Record<string, unknown> & { rules?: Record<string, unknown>[] })[]
}

/** A rule file with all its durations divided: intervals, waits, ranges, offsets. */
export function dividedRules(text: string, speed: number, parseDuration: (text: string) => number): string {
  const file = parse(text) as RawRules
  for (const group of file.groups ?? []) {
    divideKeys(group, groupDurations, speed, parseDuration)
    for (const rule of group.rules ?? []) {
      divideKeys(rule, ruleDurations, speed, parseDuration)
      rule.expr = divideDurations(String(rule.expr), speed, parseDuration)
    }
  }
  return stringify(file, { lineWidth: 0 })
}

function divideKeys(
  where: Record<string, unknown>,
  keys: readonly string[],
  speed: number,
  parseDuration: (text: string) => number,
): void {
  for (const key of keys) {
    if (where[key] !== undefined) where[key] = divided(parseDuration(String(where[key])), speed)
  }
}

/** Times that Prometheus has as flags, with its own defaults. */
export function prometheusTimeFlags(speed: number): string[] {
  if (speed === 1) return []
  return [
    `--query.lookback-delta=${divided(300_000, speed)}`,
    `--rules.alert.resend-delay=${divided(60_000, speed)}`,
    `--rules.alert.for-grace-period=${divided(600_000, speed)}`,
    `--rules.alert.for-outage-tolerance=${divided(3_600_000, speed)}`,
  ]
}

/**
 * An Alertmanager that hides nothing: each alert is a group of its own, told at once and told when it is over. (Which
 * receiver a page goes to is a matter of the routing tree, judged elsewhere.)
 */
export function alertmanagerFile(webhookUrl: string, speed: number): string {
  return stringify(
    {
      global: { resolve_timeout: divided(300_000, speed) },
      route: {
        receiver: 'firedrill',
        group_by: ['...'],
        group_wait: '0s',
        group_interval: divided(10_000, Math.min(speed, 20)),
        repeat_interval: divided(4 * 3_600_000, speed),
      },
      receivers: [{ name: 'firedrill', webhook_configs: [{ url: webhookUrl, send_resolved: true }] }],
    },
    { lineWidth: 0 },
  )
}
