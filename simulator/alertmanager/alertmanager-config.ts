/**
 * Reads alertmanager.yml: the routing tree, the inhibitions, the receivers, each with its place. Strict as Alertmanager is;
 * files of older versions (`match:`, `source_match:`) are read too. Sources: Alertmanager config/config.go, pkg/labels/parse.go.
 */
import { z } from 'zod'
import type { Matcher } from '../alerts/expression-tree.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import { type DataPath, type Finding, orderProblems, type Problem } from '../scenario/problem.ts'
import { checkSchema } from '../scenario/schema-problems.ts'
import { readYaml, type YamlDocument } from '../scenario/yaml-document.ts'

export interface Alertmanager {
  readonly file: string
  readonly root: Route
  readonly receivers: readonly Receiver[]
  readonly inhibitions: readonly Inhibition[]
  /** Keys that Alertmanager means to drop, with what replaces them. */
  readonly deprecated: readonly { readonly place: string; readonly key: string; readonly instead: string }[]
  /** Every text of the file that is sent somewhere or is where to send to. */
  readonly addresses: readonly { readonly place: string; readonly key: string; readonly text: string }[]
}

export interface Route {
  readonly place: string
  /** Of the route or of the nearest one above that names one. */
  readonly receiver: string
  readonly matchers: readonly Matcher[]
  readonly continue: boolean
  readonly routes: readonly Route[]
}

export interface Receiver {
  readonly name: string
  readonly place: string
  /** For example `slack`, `webhook`; empty: who is sent here hears nothing. */
  readonly integrations: readonly string[]
}

export interface Inhibition {
  readonly place: string
  readonly source: readonly Matcher[]
  readonly target: readonly Matcher[]
  readonly equal: readonly string[]
}

/** Never throws because of what the file says: every problem is reported with its place. */
export function loadAlertmanager(
  file: string,
  bytes: Uint8Array,
  engine: Engine,
): { alertmanager: Alertmanager | undefined; problems: readonly Problem[] } {
  const { document, problems } = readYaml(file, bytes, { traps: 'accept' })
  if (!document) return { alertmanager: undefined, problems }
  const { value, findings } = checkSchema(fileSchema, document.data)
  if (!value || findings.length > 0) {
    return { alertmanager: undefined, problems: orderProblems([...problems, ...findings.map(document.locate)]) }
  }
  const builder = new AlertmanagerBuilder(document, engine)
  const alertmanager = builder.build(value)
  const all = orderProblems([...problems, ...builder.findings.map(document.locate)])
  return { alertmanager: all.length === 0 ? alertmanager : undefined, problems: all }
}

const anything = z.unknown().optional()
const text = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const texts = z
  .array(text)
  .nullish()
  .transform((list) => list ?? [])
const pairs = z
  .record(z.string(), text)
  .nullish()
  .transform((map) => map ?? {})
const matcherList = z.union([text.transform((one) => [one]), z.array(text)]).nullish()

const routeKeys = {
  receiver: text.optional(),
  group_by: texts,
  matchers: matcherList,
  match: pairs,
  match_re: pairs,
  continue: z.boolean().default(false),
  group_wait: text.optional(),
  group_interval: text.optional(),
  repeat_interval: text.optional(),
  mute_time_intervals: texts,
  active_time_intervals: texts,
  routes: z.array(z.unknown()).nullish(),
}
const routeSchema = z.strictObject(routeKeys)
type RawRoute = z.infer<typeof routeSchema>

const inhibitionSchema = z.strictObject({
  name: text.optional(),
  source_matchers: matcherList,
  source_match: pairs,
  source_match_re: pairs,
  target_matchers: matcherList,
  target_match: pairs,
  target_match_re: pairs,
  sources: anything,
  equal: texts,
})

const integrations = [
  'discord',
  'email',
  'incidentio',
  'jira',
  'mattermost',
  'msteams',
  'msteamsv2',
  'opsgenie',
  'pagerduty',
  'pushover',
  'rocketchat',
  'slack',
  'sns',
  'telegram',
  'victorops',
  'webex',
  'webhook',
  'wechat',
] as const

const integrationList = z
  .array(z.record(z.string(), z.unknown()))
  .nullish()
  .transform((list) => list ?? [])

const receiverSchema = z.strictObject({
  name: text,
  ...Object.fromEntries(integrations.map((name) => [`${name}_configs`, integrationList])),
})

const intervals = z
  .array(z.looseObject({ name: text }))
  .nullish()
  .transform((list) => list ?? [])

const fileSchema = z.strictObject({
  global: z.record(z.string(), z.unknown()).nullish(),
  templates: texts,
  route: routeSchema,
  inhibit_rules: z
    .array(inhibitionSchema)
    .nullish()
    .transform((list) => list ?? []),
  receivers: z
    .array(receiverSchema)
    .nullish()
    .transform((list) => list ?? []),
  mute_time_intervals: intervals,
  time_intervals: intervals,
  tracing: anything,
})
type RawFile = z.infer<typeof fileSchema>

/** How deep routes may be nested; the reader of the file has a limit of its own. */
const durations = ['group_wait', 'group_interval', 'repeat_interval'] as const

const noAlert = { labels: {}, externalLabels: {}, externalUrl: '', value: 0, timeMs: 0 }

class AlertmanagerBuilder {
  readonly findings: Finding[] = []
  readonly #document: YamlDocument
  readonly #engine: Engine
  readonly #deprecated: { place: string; key: string; instead: string }[] = []
  readonly #addresses: { place: string; key: string; text: string }[] = []
  #names = new Set<string>()
  #intervals = new Set<string>()

  constructor(document: YamlDocument, engine: Engine) {
    this.#document = document
    this.#engine = engine
  }

  build(raw: RawFile): Alertmanager {
    const receivers = this.#receivers(raw)
    this.#intervals = new Set([...raw.time_intervals, ...raw.mute_time_intervals].map(({ name }) => name))
    if (raw.mute_time_intervals.length > 0) {
      this.#deprecate(['mute_time_intervals'], 'mute_time_intervals', 'time_intervals')
    }
    if (raw.route.receiver === undefined) this.#report(['route'], 'root route must specify a default receiver')
    const rootMatches = raw.route.matchers ?? [...Object.keys(raw.route.match), ...Object.keys(raw.route.match_re)]
    if (rootMatches.length > 0) this.#report(['route'], 'root route must not have any matchers')
    if (raw.route.continue) this.#report(['route', 'continue'], 'cannot have continue in root route')
    this.#collectAddresses(raw.global, ['global'])
    return {
      file: this.#document.file,
      root: this.#route(raw.route, ['route'], raw.route.receiver ?? ''),
      receivers,
      inhibitions: raw.inhibit_rules.map((rule, i) => this.#inhibition(rule, ['inhibit_rules', i])),
      deprecated: this.#deprecated,
      addresses: this.#addresses,
    }
  }

  #receivers(raw: RawFile): Receiver[] {
    return raw.receivers.map((receiver, i) => {
      const path: DataPath = ['receivers', i]
      const { name, ...rest } = receiver
      if (this.#names.has(name)) this.#report([...path, 'name'], `notification config name "${name}" is not unique`)
      this.#names.add(name)
      const used = Object.entries(rest as Record<string, Record<string, unknown>[]>).filter(
        ([, configs]) => configs.length > 0,
      )
      for (const [key, configs] of used) this.#collectAddresses(configs, [...path, key])
      return { name, place: this.#place(path), integrations: used.map(([key]) => key.replace(/_configs$/, '')) }
    })
  }

  #route(raw: RawRoute, path: DataPath, above: string): Route {
    const receiver = raw.receiver ?? above
    if (raw.receiver !== undefined && !this.#names.has(raw.receiver)) {
      const known = [...this.#names].join(', ')
      this.#report([...path, 'receiver'], `undefined receiver "${raw.receiver}" used in route`, `known are ${known}`)
    }
    for (const key of durations) this.#duration(raw[key], [...path, key])
    this.#checkGroupBy(raw.group_by, path)
    for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
      for (const [i, name] of raw[key].entries()) {
        if (!this.#intervals.has(name))
          this.#report([...path, key, i], `undefined time interval "${name}" used in route`)
      }
    }
    return {
      place: this.#place(path),
      receiver,
      matchers: [
        ...this.#matchers(raw.matchers, [...path, 'matchers']),
        ...this.#oldMatchers(raw.match, '=', path, 'match', 'matchers'),
        ...this.#oldMatchers(raw.match_re, '=~', path, 'match_re', 'matchers'),
      ],
      continue: raw.continue,
      routes: (raw.routes ?? []).flatMap((child, i) => {
        const at = [...path, 'routes', i]
        const { value, findings } = checkSchema(routeSchema, child, at)
        this.findings.push(...findings)
        return value ? [this.#route(value, at, receiver)] : []
      }),
    }
  }

  #checkGroupBy(labels: readonly string[], path: DataPath): void {
    for (const [i, label] of labels.entries()) {
      if (labels.indexOf(label) !== i) this.#report([...path, 'group_by', i], `duplicated label "${label}" in group_by`)
      if (label === '...' && labels.length > 1) {
        this.#report(
          [...path, 'group_by', i],
          'cannot have wildcard group_by (`...`) and other labels at the same time',
        )
      }
    }
  }

  #inhibition(raw: z.infer<typeof inhibitionSchema>, path: DataPath): Inhibition {
    const side = (which: 'source' | 'target') => [
      ...this.#matchers(raw[`${which}_matchers`], [...path, `${which}_matchers`]),
      ...this.#oldMatchers(raw[`${which}_match`], '=', path, `${which}_match`, `${which}_matchers`),
      ...this.#oldMatchers(raw[`${which}_match_re`], '=~', path, `${which}_match_re`, `${which}_matchers`),
    ]
    return { place: this.#place(path), source: side('source'), target: side('target'), equal: raw.equal }
  }

  #matchers(list: readonly string[] | null | undefined, path: DataPath): Matcher[] {
    return (list ?? []).flatMap((one, i) => {
      const parsed = parseMatchers(one)
      if (!parsed) {
        this.#report([...path, i], `bad matcher format: ${one}`, 'write name="value", with =, !=, =~ or !~')
        return []
      }
      for (const matcher of parsed) this.#checkExpression(matcher, [...path, i])
      return parsed
    })
  }

  #oldMatchers(map: Readonly<Record<string, string>>, operator: string, path: DataPath, key: string, instead: string) {
    const entries = Object.entries(map)
    if (entries.length > 0) this.#deprecate([...path, key], key, instead)
    return entries.map(([name, value]) => {
      const matcher = { name, operator, value }
      this.#checkExpression(matcher, [...path, key, name])
      return matcher
    })
  }

  #checkExpression({ operator, value }: Matcher, path: DataPath): void {
    if (operator !== '=~' && operator !== '!~') return
    try {
      this.#engine.compileRelabel([{ source_labels: ['x'], regex: value, action: 'keep' }])
    } catch (error) {
      this.#report(path, (error as Error).message)
    }
  }

  #duration(value: string | undefined, path: DataPath): void {
    if (value === undefined) return
    try {
      const ms = this.#engine.parseDuration(value)
      const key = path.at(-1)
      if (ms === 0 && key !== 'group_wait') this.#report(path, `${key} cannot be zero`)
    } catch (error) {
      this.#report(path, (error as Error).message)
    }
  }

  /** Texts under keys that say where something is sent. */
  #collectAddresses(value: unknown, path: DataPath): void {
    if (Array.isArray(value)) {
      for (const [i, one] of value.entries()) this.#collectAddresses(one, [...path, i])
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value)) this.#collectAddresses(one, [...path, key])
    } else if (typeof value === 'string') {
      this.#checkTemplate(value, path)
      this.#addresses.push({
        place: this.#place(path),
        key: String(path.findLast((step) => typeof step === 'string')),
        text: value,
      })
    }
  }

  /** Alertmanager finds out when it has something to send, and sends nothing. Its functions are not those of Prometheus. */
  #checkTemplate(text: string, path: DataPath): void {
    if (!text.includes('{{')) return
    try {
      this.#engine.renderText(text, noAlert)
    } catch (error) {
      const [, wrong] = /error parsing template \S+ template: \S+?: (.*)/s.exec((error as Error).message) ?? []
      if (wrong !== undefined && !/^function ".*" not defined/.test(wrong)) this.#report(path, `template: ${wrong}`)
    }
  }

  #deprecate(path: DataPath, key: string, instead: string): void {
    const { file, line } = this.#document.locate({ path, on: 'key', message: '' })
    this.#deprecated.push({ place: `${file}:${line}`, key, instead })
  }

  #place(path: DataPath): string {
    const { file, line } = this.#document.locate({ path, on: 'value', message: '' })
    return `${file}:${line}`
  }

  #report(path: DataPath, message: string, hint?: string): void {
    this.findings.push({ path, on: 'value', message, hint })
  }
}

/** One string of `matchers:`: one matcher, or several between braces or with commas. @returns undefined when it is none */
export function parseMatchers(input: string): Matcher[] | undefined {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(input)?.[1] ?? input
  const matchers: Matcher[] = []
  const one = /\s*(?:"((?:[^"\\]|\\.)+)"|([^\s"=!~,{}]+))\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}]*?))\s*(,|$)/y
  let at = 0
  while (at < inner.length) {
    if (matchers.length > 0 && inner.slice(at).trim() === '') break
    one.lastIndex = at
    const match = one.exec(inner)
    if (!match) return undefined
    const [whole, quotedName, name, operator, quoted, bare] = match
    matchers.push({
      name: quotedName ?? name!,
      operator: operator!,
      value:
        quoted === undefined ? (bare ?? '') : quoted.replaceAll(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char)),
    })
    at += whole!.length
    if (whole!.length === 0) break
  }
  return matchers.length > 0 ? matchers : undefined
}
