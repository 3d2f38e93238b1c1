/** Which values the variables of a dashboard have when somebody opens it: from their own definition, or from a query. */
import type { Judge } from '../judge/judge.ts'
import { QueryError } from '../judge/judge.ts'
import type { DashboardVariable } from './dashboard.ts'
import { formatInterval, parseInterval, roundInterval } from './panel-query.ts'
import { type Builtins, expandVariables, type VariableScope, type VariableValue } from './variables.ts'

interface Option {
  readonly text: string
  readonly value: string
}

const allText = 'All'
const allValues = '$__all'
/** What stands for a value that only the judge knows, where a text is only checked for its form. */
export const placeholder = 'firedrill_placeholder'

/** A scope in which every text can be checked before there is any data. */
export function placeholderScope(variables: readonly DashboardVariable[]): VariableScope {
  const interval = { text: '1m', ms: 60_000 }
  const builtins: Builtins = {
    fromMs: 0,
    toMs: 3_600_000,
    interval,
    rateInterval: interval,
    dashboard: { title: '', uid: '' },
  }
  const values = new Map<string, VariableValue>()
  for (const variable of variables) {
    const own = ownOptions(variable, builtins)
    const options = own && own.length > 0 ? own : [{ text: placeholder, value: placeholder }]
    values.set(variable.name, choose(variable, options))
  }
  return { variables: values, builtins }
}

/** A scope without anybody who could be asked for values: what only a query tells is left open. */
export function openedScope(variables: readonly DashboardVariable[]): VariableScope {
  const { variables: values, builtins } = placeholderScope(variables)
  const opened = [...values].map(([name, value]): [string, VariableValue] => {
    if (!value.values.includes(placeholder)) return [name, value]
    return [name, { ...value, isAll: true, allValue: value.allValue ?? '.+' }]
  })
  return { variables: new Map(opened), builtins }
}

/** The variables of one dashboard while a drill goes on: query variables are asked again and again, and forget nothing. */
export class DashboardVariables {
  readonly #variables: readonly DashboardVariable[]
  readonly #builtins: Builtins
  readonly #seen = new Map<string, Map<string, Option>>()
  readonly #values = new Map<string, VariableValue>()
  /** What a query of a variable failed with, by name. */
  readonly failures = new Map<string, string>()

  /** @param builtins of the dashboard, without the intervals of a panel */
  constructor(variables: readonly DashboardVariable[], builtins: Builtins) {
    this.#variables = variables
    this.#builtins = builtins
  }

  get values(): ReadonlyMap<string, VariableValue> {
    return this.#values
  }

  /** Values as they would be offered for the time range up to now, by whoever answers the query. Variables are asked in order: one may use another. */
  async refresh(judgeOf: (query: string) => Judge, startMs: number, endMs: number): Promise<void> {
    for (const variable of this.#variables) {
      const judge = judgeOf(variable.query)
      const options = ownOptions(variable, this.#builtins) ?? (await this.#ask(variable, judge, startMs, endMs))
      this.#values.set(variable.name, choose(variable, options))
    }
  }

  async #ask(variable: DashboardVariable, judge: Judge, startMs: number, endMs: number): Promise<readonly Option[]> {
    const seen = this.#seen.get(variable.name) ?? new Map<string, Option>()
    this.#seen.set(variable.name, seen)
    if (variable.type === 'query') {
      const scope = { variables: this.#values, builtins: this.#builtins }
      const query = expandVariables(variable.query, scope, 'prometheus')
      try {
        for (const text of await askPrometheus(query, judge, startMs, endMs)) {
          for (const option of matchOption(text, variable.regex)) seen.set(option.value, option)
        }
        this.failures.delete(variable.name)
      } catch (error) {
        if (!(error instanceof QueryError)) throw error
        this.failures.set(variable.name, error.message)
      }
    }
    return sortOptions([...seen.values()], variable.sort)
  }
}

/** @returns undefined for variables whose values have to be asked for */
function ownOptions(variable: DashboardVariable, builtins: Builtins): readonly Option[] | undefined {
  switch (variable.type) {
    case 'custom':
      return splitCustom(variable.query)
    case 'interval':
      return splitCustom(variable.query.replaceAll('auto,', '')).concat(
        variable.current.includes('$__auto') || variable.current.some((one) => one.startsWith('$__auto_interval'))
          ? [{ text: 'auto', value: autoInterval(builtins) }]
          : [],
      )
    case 'constant':
    case 'textbox': {
      // A text box keeps what was typed last; a constant has nothing but its query.
      const value = (variable.type === 'textbox' ? variable.current[0] : undefined) ?? variable.query
      return [{ text: value, value }]
    }
    case 'datasource':
      return [{ text: variable.query, value: variable.current[0] ?? variable.query }]
    case 'adhoc':
    case 'groupby':
      return [{ text: '', value: '' }]
    default:
      return undefined
  }
}

/** `a,b`, `text : value`, and commas escaped by a backslash. */
function splitCustom(query: string): Option[] {
  return [...query.matchAll(/(?:\\,|[^,])+/g)].map(([part]) => {
    const text = part.replaceAll('\\,', ',').trim()
    const pair = /^\s*(.+)\s:\s(.+)$/.exec(text)
    return pair ? { text: pair[1]!.trim(), value: pair[2]!.trim() } : { text, value: text }
  })
}

/** Thirty steps over the time range, at least ten seconds: the defaults of an interval variable. */
function autoInterval({ fromMs, toMs }: Builtins): string {
  return formatInterval(Math.max(10_000, roundInterval((toMs - fromMs) / 30)))
}

/** What Grafana chooses: what was chosen last where it is still offered, else the first. */
function choose(variable: DashboardVariable, options: readonly Option[]): VariableValue {
  const { name, multi, includeAll, allValue, current } = variable
  const chosen = options.filter(({ value, text }) => current.includes(value) || current.includes(text))
  const isAll = includeAll && (current.includes(allValues) || current.includes(allText) || chosen.length === 0)
  const auto = options.find(({ text }) => text === 'auto')
  const used = isAll ? options : chosen.length > 0 ? (multi ? chosen : chosen.slice(0, 1)) : [auto ?? options[0]]
  const present = used.filter((option) => option !== undefined)
  return {
    name,
    multi,
    includeAll,
    allValue,
    isAll,
    values: present.map(({ value }) => value),
    texts: present.map(({ text }) => text),
  }
}

/**
 * Queries that a variable of Prometheus may have.
 * Source: Grafana's documentation, "Query variable" of the Prometheus data source
 */
async function askPrometheus(query: string, judge: Judge, startMs: number, endMs: number): Promise<readonly string[]> {
  const labelValues = /^label_values\((?:(.+),\s*)?([a-zA-Z_$][\w]*)\)\s*$/.exec(query)
  if (labelValues) return judge.labelValues(labelValues[2]!, labelValues[1]?.trim(), startMs, endMs)
  const labelNames = /^label_names\((.*)\)\s*$/.exec(query)
  if (labelNames) {
    const series = await judge.series(labelNames[1]!.trim() || '{__name__!=""}', startMs, endMs)
    return [...new Set(series.flatMap((labels) => Object.keys(labels)))].sort()
  }
  const metrics = /^metrics\((.+)\)\s*$/.exec(query)
  if (metrics) {
    const pattern = new RegExp(metrics[1]!)
    return (await judge.labelValues('__name__', undefined, startMs, endMs)).filter((name) => pattern.test(name))
  }
  const result = /^query_result\((.+)\)\s*$/s.exec(query)
  if (result) {
    const answer = await judge.query(result[1]!, endMs)
    if (answer.type === 'scalar') return [`${answer.value} ${endMs}`]
    if (answer.type !== 'vector') return []
    return answer.samples.map(({ labels, value }) => `${seriesText(labels)} ${value} ${endMs}`)
  }
  // Anything else is a selector whose series are offered.
  return (await judge.series(query, startMs, endMs)).map(seriesText)
}

function seriesText(labels: Readonly<Record<string, string>>): string {
  const { __name__: name = '', ...rest } = labels
  return `${name}{${Object.entries(rest)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',')}}`
}

/** The regex of a variable keeps what matches; its groups (also named `text` and `value`) cut the value out. */
function matchOption(text: string, regex: string): Option[] {
  if (regex === '') return [{ text, value: text }]
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(regex)
  const pattern = new RegExp(parts ? parts[1]! : `^${regex}$`, parts ? parts[2]!.replace('g', '') : '')
  const match = pattern.exec(text)
  if (!match) return []
  const value = match.groups?.value ?? match.groups?.text ?? match[1] ?? match[0]
  return [{ text: match.groups?.text ?? value, value }]
}

/** 1, 2 by letters, 3, 4 by number, 5, 6 by letters whatever their case, 7, 8 naturally; even numbers turn it round. */
function sortOptions(options: Option[], sort: number): Option[] {
  if (sort === 0) return options
  const kind = Math.ceil(sort / 2)
  const number = (text: string) => Number(/\d+/.exec(text)?.[0] ?? -1)
  const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
  const compare = (a: string, b: string) => {
    if (kind === 2) return number(a) - number(b)
    if (kind === 3) return letters(a.toLowerCase(), b.toLowerCase())
    return kind === 4 ? collator.compare(a, b) : letters(a, b)
  }
  const sorted = [...options].sort((a, b) => compare(a.text, b.text))
  return sort % 2 === 0 ? sorted.reverse() : sorted
}

function letters(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A "min interval" or "min step" may be written with a variable. */
export function intervalOf(text: string | undefined, scope: VariableScope): number | undefined {
  return text === undefined ? undefined : parseInterval(expandVariables(text, scope, 'raw'))
}
