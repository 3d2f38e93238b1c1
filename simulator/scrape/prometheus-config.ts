/** Reads prometheus.yml as Prometheus does: intervals, targets, relabelling, rule files. What is not simulated is said. */
import { z } from 'zod'
import type { Engine, Relabeler } from '../judge/embedded/engine.ts'
import type { Labels } from '../judge/judge.ts'
import { type DataPath, type Finding, orderProblems, type Problem } from '../scenario/problem.ts'
import { checkSchema } from '../scenario/schema-problems.ts'
import { readYaml, type YamlDocument } from '../scenario/yaml-document.ts'
import { type FileSource, findRuleFiles } from './rule-file-paths.ts'

export interface PrometheusConfig {
  readonly file: string
  readonly evaluationIntervalMs: number
  /** Of rule groups that state none. */
  readonly ruleQueryOffsetMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  /** The external labels as they are written, before substitution. */
  readonly externalLabelTexts: readonly { readonly name: string; readonly text: string; readonly place: string }[]
  /** Paths of the rule files that exist. */
  readonly ruleFiles: readonly string[]
  readonly jobs: readonly ScrapeJob[]
  /** What of the file is read but not simulated, for people. */
  readonly notes: readonly string[]
}

export interface ScrapeJob {
  readonly name: string
  /** Place in the file, `prometheus.yml:41`. */
  readonly place: string
  readonly honorLabels: boolean
  /** 0: no limit, as for the other limits. */
  readonly sampleLimit: number
  readonly labelLimit: number
  readonly labelNameLengthLimit: number
  readonly labelValueLengthLimit: number
  readonly targets: readonly ScrapeTarget[]
  readonly metricRelabel: Relabeler | undefined
  /** Place of each metric_relabel_config, for example `prometheus.yml:47`. */
  readonly metricRelabelPlaces: readonly string[]
}

export interface ScrapeTarget {
  /** Host and port. */
  readonly address: string
  readonly path: string
  readonly intervalMs: number
  readonly timeoutMs: number
  /** What every sample of the target carries: job, instance and what relabelling added. */
  readonly labels: Labels
}

export interface LoadConfigOptions {
  readonly engine: Engine
  /** For `${VAR}` in external labels. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly files: FileSource
}

const defaults = { intervalMs: 60_000, timeoutMs: 10_000 }

/** Never throws because of what the file says: every problem is reported with its place. */
export function loadPrometheusConfig(
  file: string,
  options: LoadConfigOptions,
): { config: PrometheusConfig | undefined; problems: readonly Problem[] } {
  const { document, problems } = readYaml(file, options.files.read(file), { traps: 'accept' })
  if (!document) return { config: undefined, problems }
  const { value, findings } = checkSchema(configSchema, document.data)
  if (!value || findings.length > 0) {
    return { config: undefined, problems: orderProblems([...problems, ...findings.map(document.locate)]) }
  }
  const builder = new ConfigBuilder(document, options)
  const config = builder.build(value)
  const all = orderProblems([...problems, ...builder.findings.map((finding) => document.locate(finding))])
  return { config: all.length === 0 ? config : undefined, problems: all }
}

const unmodelled = z.unknown().optional()
const text = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const labelMap = z.record(z.string(), text)
const limit = z.number().int().min(0).default(0)

const jobKeys = {
  job_name: z.string().min(1, 'is empty'),
  scrape_interval: text.optional(),
  scrape_timeout: text.optional(),
  metrics_path: z.string().default('/metrics'),
  scheme: z.enum(['http', 'https']).default('http'),
  params: z.record(z.string(), z.array(text)).default({}),
  honor_labels: z.boolean().default(false),
  sample_limit: limit,
  label_limit: limit,
  label_name_length_limit: limit,
  label_value_length_limit: limit,
  static_configs: z
    .array(z.strictObject({ targets: z.array(text).default([]), labels: labelMap.default({}) }))
    .nullish()
    .transform((list) => list ?? []),
  relabel_configs: z
    .array(z.record(z.string(), z.unknown()))
    .nullish()
    .transform((list) => list ?? []),
  metric_relabel_configs: z
    .array(z.record(z.string(), z.unknown()))
    .nullish()
    .transform((list) => list ?? []),
}

/** Read by Prometheus, without influence on what is simulated. */
const otherJobKeys = [
  'honor_timestamps',
  'track_timestamps_staleness',
  'scrape_classic_histograms',
  'always_scrape_classic_histograms',
  'convert_classic_histograms_to_nhcb',
  'scrape_native_histograms',
  'scrape_protocols',
  'scrape_fallback_protocol',
  'enable_compression',
  'enable_http2',
  'follow_redirects',
  'basic_auth',
  'authorization',
  'oauth2',
  'bearer_token',
  'bearer_token_file',
  'tls_config',
  'proxy_url',
  'no_proxy',
  'proxy_from_environment',
  'proxy_connect_header',
  'http_headers',
  'body_size_limit',
  'target_limit',
  'keep_dropped_targets',
  'native_histogram_bucket_limit',
  'native_histogram_min_bucket_factor',
  'metric_name_validation_scheme',
  'metric_name_escaping_scheme',
  'extra_scrape_metrics',
] as const

const discoveryKinds = [
  'azure',
  'consul',
  'digitalocean',
  'dns',
  'docker',
  'dockerswarm',
  'ec2',
  'eureka',
  'file',
  'gce',
  'hetzner',
  'http',
  'ionos',
  'kubernetes',
  'kuma',
  'lightsail',
  'linode',
  'marathon',
  'nerve',
  'nomad',
  'openstack',
  'ovhcloud',
  'puppetdb',
  'scaleway',
  'serverset',
  'stackit',
  'triton',
  'uyuni',
  'vultr',
] as const

const jobSchema = z.strictObject({
  ...jobKeys,
  ...Object.fromEntries(otherJobKeys.map((key) => [key, unmodelled])),
  ...Object.fromEntries(discoveryKinds.map((kind) => [`${kind}_sd_configs`, unmodelled])),
})

const globalKeys = {
  scrape_interval: text.optional(),
  scrape_timeout: text.optional(),
  evaluation_interval: text.optional(),
  rule_query_offset: text.optional(),
  external_labels: labelMap.nullish().transform((labels) => labels ?? {}),
  sample_limit: limit,
  label_limit: limit,
  label_name_length_limit: limit,
  label_value_length_limit: limit,
}

const otherGlobalKeys = [
  'query_log_file',
  'scrape_failure_log_file',
  'scrape_protocols',
  'body_size_limit',
  'target_limit',
  'keep_dropped_targets',
  'metric_name_validation_scheme',
  'metric_name_escaping_scheme',
  'convert_classic_histograms_to_nhcb',
  'always_scrape_classic_histograms',
  'scrape_native_histograms',
  'extra_scrape_metrics',
] as const

const configSchema = z.strictObject({
  global: z
    .strictObject({ ...globalKeys, ...Object.fromEntries(otherGlobalKeys.map((key) => [key, unmodelled])) })
    .nullish(),
  rule_files: z
    .array(text)
    .nullish()
    .transform((list) => list ?? []),
  scrape_configs: z
    .array(jobSchema)
    .nullish()
    .transform((list) => list ?? []),
  scrape_config_files: unmodelled,
  alerting: unmodelled,
  remote_write: unmodelled,
  remote_read: unmodelled,
  storage: unmodelled,
  tracing: unmodelled,
  otlp: unmodelled,
  runtime: unmodelled,
})

type RawConfig = z.infer<typeof configSchema>
type RawJob = z.infer<z.ZodObject<typeof jobKeys>> & Record<string, unknown>
type RawGlobal = z.infer<z.ZodObject<typeof globalKeys>>

class ConfigBuilder {
  readonly findings: Finding[] = []
  readonly #notes: string[] = []
  readonly #document: YamlDocument
  readonly #options: LoadConfigOptions

  constructor(document: YamlDocument, options: LoadConfigOptions) {
    this.#document = document
    this.#options = options
  }

  build(raw: RawConfig): PrometheusConfig {
    const global = (raw.global ?? {}) as Partial<RawGlobal>
    const intervalMs = this.#duration(global.scrape_interval, ['global', 'scrape_interval']) || defaults.intervalMs
    const statedTimeoutMs = this.#duration(global.scrape_timeout, ['global', 'scrape_timeout'])
    if (statedTimeoutMs && statedTimeoutMs > intervalMs) {
      this.#report(['global', 'scrape_timeout'], 'global scrape timeout greater than scrape interval')
    }
    const timeoutMs = statedTimeoutMs || Math.min(defaults.timeoutMs, intervalMs)
    const evaluationIntervalMs =
      this.#duration(global.evaluation_interval, ['global', 'evaluation_interval']) || defaults.intervalMs
    if (raw.scrape_config_files) this.#notes.push('scrape_config_files are not read')
    const found = findRuleFiles(this.#document.file, raw.rule_files, this.#options.files)
    this.#notes.push(...found.notes)
    return {
      file: this.#document.file,
      evaluationIntervalMs,
      ruleQueryOffsetMs: this.#duration(global.rule_query_offset, ['global', 'rule_query_offset']) || 0,
      externalLabels: this.#externalLabels(global.external_labels ?? {}),
      externalLabelTexts: Object.entries(global.external_labels ?? {}).map(([name, text]) => ({
        name,
        text,
        place: this.#place(['global', 'external_labels', name]),
      })),
      ruleFiles: found.files,
      jobs: this.#jobs(raw.scrape_configs as RawJob[], global, { intervalMs, timeoutMs }),
      notes: this.#notes,
    }
  }

  #jobs(
    raw: readonly RawJob[],
    global: Partial<RawGlobal>,
    times: { intervalMs: number; timeoutMs: number },
  ): ScrapeJob[] {
    const names = new Set<string>()
    return raw.map((job, i) => {
      const path: DataPath = ['scrape_configs', i]
      if (names.has(job.job_name)) {
        this.#report([...path, 'job_name'], `found multiple scrape configs with job name "${job.job_name}"`)
      }
      names.add(job.job_name)
      for (const kind of discoveryKinds) {
        if (job[`${kind}_sd_configs`] === undefined) continue
        this.#notes.push(`job ${job.job_name}: ${kind}_sd_configs are not simulated, only static targets are`)
      }
      const metricRelabelPath: DataPath = [...path, 'metric_relabel_configs']
      return {
        name: job.job_name,
        place: this.#place(path),
        honorLabels: job.honor_labels,
        sampleLimit: job.sample_limit || global.sample_limit || 0,
        labelLimit: job.label_limit || global.label_limit || 0,
        labelNameLengthLimit: job.label_name_length_limit || global.label_name_length_limit || 0,
        labelValueLengthLimit: job.label_value_length_limit || global.label_value_length_limit || 0,
        targets: this.#targets(job, path, times),
        metricRelabel: this.#relabeler(job.metric_relabel_configs, metricRelabelPath),
        metricRelabelPlaces: job.metric_relabel_configs.map((_, at) => this.#place([...metricRelabelPath, at])),
      }
    })
  }

  #targets(job: RawJob, path: DataPath, times: { intervalMs: number; timeoutMs: number }): ScrapeTarget[] {
    const intervalMs = this.#duration(job.scrape_interval, [...path, 'scrape_interval']) || times.intervalMs
    const statedTimeoutMs = this.#duration(job.scrape_timeout, [...path, 'scrape_timeout'])
    if (statedTimeoutMs && statedTimeoutMs > intervalMs) {
      const message = `scrape timeout greater than scrape interval for scrape config with job name "${job.job_name}"`
      this.#report([...path, 'scrape_timeout'], message)
    }
    const timeoutMs = statedTimeoutMs || Math.min(times.timeoutMs, intervalMs)
    const relabel = this.#relabeler(job.relabel_configs, [...path, 'relabel_configs'])
    const targets: ScrapeTarget[] = []
    for (const [group, { targets: addresses, labels }] of job.static_configs.entries()) {
      for (const [i, address] of addresses.entries()) {
        const place: DataPath = [...path, 'static_configs', group, 'targets', i]
        if (/[/]/.test(address)) {
          this.#report(place, `"${address}" is not a valid hostname`, 'write host:port, without a scheme or a path')
          continue
        }
        const before: Record<string, string> = {
          __metrics_path__: job.metrics_path,
          __scheme__: job.scheme,
          __scrape_interval__: formatSeconds(intervalMs),
          __scrape_timeout__: formatSeconds(timeoutMs),
          job: job.job_name,
          ...Object.fromEntries(Object.entries(job.params).map(([name, values]) => [`__param_${name}`, values[0]!])),
          ...labels,
          __address__: address,
        }
        const after = relabel ? relabel.apply(before) : before
        if ('droppedBy' in after && typeof after.droppedBy === 'number') {
          this.#notes.push(`job ${job.job_name}: relabel_configs drop the target ${address}`)
          continue
        }
        targets.push(this.#target(after as Labels, address, place))
      }
    }
    return targets
  }

  #target(labels: Labels, written: string, place: DataPath): ScrapeTarget {
    const address = labels.__address__ ?? ''
    if (address === '') this.#report(place, `relabelling leaves no address of "${written}"`)
    const kept = Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith('__')))
    return {
      address,
      path: labels.__metrics_path__ || '/metrics',
      intervalMs: this.#duration(labels.__scrape_interval__, place)!,
      timeoutMs: this.#duration(labels.__scrape_timeout__, place)!,
      labels: { ...kept, instance: kept.instance || address },
    }
  }

  /** Compiled one by one first, so that the wrong one has its place. */
  #relabeler(configs: readonly Record<string, unknown>[], path: DataPath): Relabeler | undefined {
    if (configs.length === 0) return undefined
    const plain = configs.map(withTexts)
    let good = true
    for (const [i, config] of plain.entries()) {
      try {
        this.#options.engine.compileRelabel([config])
      } catch (error) {
        good = false
        this.#report([...path, i], (error as Error).message)
      }
    }
    return good ? this.#options.engine.compileRelabel(plain) : undefined
  }

  /** As Prometheus 3 does it, and 2.x with expand-external-labels: what is not set becomes empty. */
  #externalLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
    const { environment } = this.#options
    return Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [
        name,
        value.replaceAll(/\$(?:\{([^}]*)\}|(\$|\w+))/g, (_, braced?: string, bare?: string) =>
          bare === '$' ? '$' : (environment[braced ?? bare ?? ''] ?? ''),
        ),
      ]),
    )
  }

  #duration(value: string | undefined, path: DataPath): number | undefined {
    if (value === undefined) return undefined
    try {
      return this.#options.engine.parseDuration(value)
    } catch (error) {
      this.#report(path, (error as Error).message)
      return undefined
    }
  }

  #place(path: DataPath): string {
    const { file, line } = this.#document.locate({ path, on: 'value', message: '' })
    return `${file}:${line}`
  }

  #report(path: DataPath, message: string, hint?: string): void {
    this.findings.push({ path, on: 'value', message, hint })
  }
}

/** YAML reads `regex: 5` as a number where Prometheus takes the text. */
function withTexts(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      key !== 'modulus' && (typeof value === 'number' || typeof value === 'boolean') ? String(value) : value,
    ]),
  )
}

function formatSeconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
