/**
 * Expands variables in a text as Grafana does: `$name`, `[[name:format]]`, `${name}`, `${name:format}`, `${name.field}`.
 *
 * Source: Grafana's documentation, "Variable syntax" and "Global variables"; packages/grafana-prometheus (escaping).
 */

/** The value that is chosen for a variable. */
export interface VariableValue {
  readonly name: string
  /** Whether it may hold several values, or All: then Prometheus queries get it as a regular expression. */
  readonly multi: boolean
  readonly includeAll: boolean
  /** What All stands for instead of every value; it is taken as it is. */
  readonly allValue: string | undefined
  readonly isAll: boolean
  readonly values: readonly string[]
  readonly texts: readonly string[]
}

export interface VariableScope {
  readonly variables: ReadonlyMap<string, VariableValue>
  readonly builtins: Builtins
}

/** Times are milliseconds; from and to since the Unix epoch. */
export interface Builtins {
  readonly fromMs: number
  readonly toMs: number
  /** Both as text; what a text without a query can not know is left as it is. */
  readonly interval: { readonly text: string; readonly ms: number } | undefined
  readonly rateInterval: { readonly text: string; readonly ms: number } | undefined
  readonly dashboard: { readonly title: string; readonly uid: string }
}

/** How a variable is written when the text names no format. */
export type DefaultFormat = 'prometheus' | 'text' | 'raw'

/** `$name` and `[[name:format]]` and `${name.field:format}`. */
const reference = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g

/** @returns the text with every known variable in it expanded; what is unknown stays as it is */
export function expandVariables(text: string, scope: VariableScope, format: DefaultFormat): string {
  // In a query the server replaces these by plain text; `$__interval_ms` must not be taken for `$__interval`.
  return text.replaceAll(reference, (whole, plain, bracketed, bracketFormat, braced, field, braceFormat) => {
    const name = (plain ?? bracketed ?? braced) as string
    const asked = (bracketFormat ?? braceFormat) as string | undefined
    const builtin = builtinValue(name, scope.builtins, asked)
    if (builtin !== undefined) return builtin
    const variable = scope.variables.get(name)
    if (!variable) return whole as string
    if (field === 'text') return formatValues(variable.texts, variable, asked ?? 'glob')
    if (variable.isAll && variable.allValue !== undefined && asked !== 'text' && asked !== 'queryparam') {
      // Grafana leaves a custom value of All alone, but expands variables inside of it.
      return variable.allValue === text ? variable.allValue : expandVariables(variable.allValue, scope, format)
    }
    if (variable.isAll && asked === 'text') return 'All'
    return asked === undefined
      ? formatByDefault(variable, format)
      : formatValues(asked === 'text' ? variable.texts : variable.values, variable, asked)
  })
}

/** Names of the variables that a text refers to, without those of Grafana itself. */
export function variableNames(text: string): string[] {
  const names = [...text.matchAll(reference)].map(([, plain, bracketed, , braced]) => (plain ?? bracketed ?? braced)!)
  // `$1` belongs to label_replace.
  return [...new Set(names.filter((name) => !isBuiltin(name) && !/^\d/.test(name)))]
}

const builtinNames = [
  '__interval',
  '__interval_ms',
  '__rate_interval',
  '__rate_interval_ms',
  '__range',
  '__range_s',
  '__range_ms',
  '__from',
  '__to',
  '__dashboard',
  '__org',
  '__user',
  '__timezone',
  '__all_variables',
  '__url_time_range',
  '__name',
  '__auto',
  '__searchFilter',
  'timeFilter',
  '__timeFilter',
]

export function isBuiltin(name: string): boolean {
  return builtinNames.includes(name) || /^__(data|field|series|value|cell)/.test(name)
}

function builtinValue(name: string, builtins: Builtins, format: string | undefined): string | undefined {
  const { fromMs, toMs, interval, rateInterval, dashboard } = builtins
  const rangeMs = toMs - fromMs
  switch (name) {
    case '__interval':
      return interval?.text
    case '__interval_ms':
      return interval && String(interval.ms)
    case '__rate_interval':
      return rateInterval?.text
    case '__rate_interval_ms':
      return rateInterval && String(rateInterval.ms)
    case '__range':
      return `${Math.round(rangeMs / 1000)}s`
    case '__range_s':
      return String(Math.round(rangeMs / 1000))
    case '__range_ms':
      return String(rangeMs)
    case '__from':
      return formatDate(fromMs, format)
    case '__to':
      return formatDate(toMs, format)
    case '__dashboard':
      return format === 'uid' ? dashboard.uid : dashboard.title
    case '__org':
      return '1'
    default:
      return undefined
  }
}

/** Milliseconds by default; `date` and `date:iso` give ISO 8601, `date:seconds` seconds; others are moment's patterns. */
function formatDate(ms: number, format: string | undefined): string {
  if (format === undefined) return String(ms)
  if (format === 'date' || format === 'date:iso') return new Date(ms).toISOString()
  if (format === 'date:seconds') return String(Math.round(ms / 1000))
  if (!format.startsWith('date:')) return String(ms)
  const iso = new Date(ms).toISOString()
  const parts: Readonly<Record<string, string>> = {
    YYYY: iso.slice(0, 4),
    MM: iso.slice(5, 7),
    DD: iso.slice(8, 10),
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
    ss: iso.slice(17, 19),
    SSS: iso.slice(20, 23),
  }
  return format.slice('date:'.length).replaceAll(/YYYY|MM|DD|HH|mm|SSS|ss/g, (part) => parts[part]!)
}

function formatByDefault(variable: VariableValue, format: DefaultFormat): string {
  if (format === 'text') return variable.isAll ? 'All' : variable.texts.join(' + ')
  if (format === 'raw') return formatValues(variable.values, variable, 'glob')
  if (!variable.multi && !variable.includeAll) return variable.values.map(escapeQuotes).join(',')
  const escaped = variable.values.map(escapeRegexInQuery)
  return escaped.length === 1 ? escaped[0]! : `(${escaped.join('|')})`
}

/** Backslashes and single quotes, which would end or change the string of the query. */
function escapeQuotes(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll("'", "\\\\'")
}

/** A value inside of a regular expression inside of a string of PromQL: each escape is escaped itself. */
function escapeRegexInQuery(value: string): string {
  return value.replaceAll('\\', '\\\\\\\\').replaceAll(/[$^*{}[\]'+?.()|]/g, '\\\\$&')
}

function escapeRegex(value: string): string {
  return value.replaceAll(/[\\^$*+?.()|[\]{}/]/g, '\\$&')
}

/** The formats that a text may ask for. */
export const formatNames = [
  'csv',
  'customqueryparam',
  'date',
  'distributed',
  'doublequote',
  'glob',
  'join',
  'json',
  'lucene',
  'percentencode',
  'pipe',
  'queryparam',
  'raw',
  'regex',
  'singlequote',
  'sqlstring',
  'text',
  'uriencode',
] as const

function formatValues(values: readonly string[], variable: VariableValue, format: string): string {
  const [name = '', ...more] = format.split(':')
  const several = values.length > 1
  switch (name) {
    case 'csv':
    case 'raw':
      return values.join(',')
    case 'join':
      return values.join(more.join(':') || ',')
    case 'pipe':
      return values.join('|')
    case 'regex':
      return several ? `(${values.map(escapeRegex).join('|')})` : values.map(escapeRegex).join('')
    case 'distributed':
      return values.map((value, i) => (i === 0 ? value : `${variable.name}=${value}`)).join(',')
    case 'doublequote':
      return values.map((value) => `"${value.replaceAll('"', '\\"')}"`).join(',')
    case 'singlequote':
      return values.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(',')
    case 'sqlstring':
      return values.map((value) => `'${value.replaceAll("'", "''")}'`).join(',')
    case 'json':
      return several || variable.multi ? JSON.stringify(values) : (values[0] ?? '')
    case 'lucene':
      return several
        ? `(${values.map((value) => `"${escapeLucene(value)}"`).join(' OR ')})`
        : values.map(escapeLucene).join('')
    case 'percentencode':
      return several ? encodeStrictly(`{${values.join(',')}}`) : encodeStrictly(values[0] ?? '')
    case 'uriencode':
      return encodeURI(several ? `{${values.join(',')}}` : (values[0] ?? ''))
    case 'queryparam':
      return (variable.isAll ? ['$__all'] : values).map((value) => queryParameter(variable.name, value)).join('&')
    case 'customqueryparam': {
      const [parameter = '', prefix = ''] = more
      return values
        .map((value) => `${encodeStrictly(parameter || variable.name)}=${encodeStrictly(prefix + value)}`)
        .join('&')
    }
    case 'text':
      return values.join(' + ')
    default:
      // An unknown format is the same as none: glob.
      return several ? `{${values.join(',')}}` : (values[0] ?? '')
  }
}

function queryParameter(name: string, value: string): string {
  return `var-${name}=${encodeStrictly(value)}`
}

function escapeLucene(value: string): string {
  return value.replaceAll(/([!*+\-=<>\s&|()[\]{}^~?:\\/"])/g, '\\$1')
}

/** encodeURIComponent leaves some characters that RFC 3986 reserves. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
