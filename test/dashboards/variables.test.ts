/** Cases of Grafana's documentation: "Variable syntax", "Global variables", and the Prometheus data source's own escaping. */
import { describe, expect, it } from 'vitest'
import type { DashboardVariable } from '../../simulator/dashboards/dashboard.ts'
import { DashboardVariables } from '../../simulator/dashboards/variable-values.ts'
import {
  type Builtins,
  expandVariables,
  type VariableScope,
  type VariableValue,
  variableNames,
} from '../../simulator/dashboards/variables.ts'
import type { Judge } from '../../simulator/judge/judge.ts'

const startMs = Date.parse('2026-01-05T09:00:00Z')
const builtins: Builtins = {
  fromMs: startMs,
  toMs: startMs + 3_600_000,
  interval: { text: '15s', ms: 15_000 },
  rateInterval: { text: '1m0s', ms: 60_000 },
  dashboard: { title: 'API Performance', uid: 'api-performance' },
}

function value(name: string, values: string[], more: Partial<VariableValue> = {}): VariableValue {
  const given = { multi: values.length > 1, includeAll: false, allValue: undefined, isAll: false, texts: values }
  return { name, values, ...given, ...more }
}

const scope: VariableScope = {
  builtins,
  variables: new Map(
    [
      value('tenant', ['acme']),
      value('quoted', ["o'brien\\"]),
      value('multi', ['test1', 'test2'], { multi: true }),
      value('one', ['a.b'], { multi: true }),
      value('dotted', ['test.', 'a|b'], { multi: true }),
      value('all', ['a', 'b'], { multi: true, includeAll: true, isAll: true }),
      value('everything', ['a', 'b'], { multi: true, includeAll: true, isAll: true, allValue: '.+' }),
      value('named', ['p95'], { texts: ['95th percentile'] }),
      value('spaced', ["test'1", 'test 2'], { multi: true }),
    ].map((one) => [one.name, one]),
  ),
}

describe('a query of Prometheus', () => {
  it.each([
    ['$tenant', 'acme'],
    ['${tenant}', 'acme'],
    ['[[tenant]]', 'acme'],
    ['up{tenant="$tenant"}', 'up{tenant="acme"}'],
    ['${tenant}_total', 'acme_total'],
    // A value that is no regular expression only has its quotes and backslashes escaped.
    ['$quoted', "o\\\\'brien\\\\"],
    // Several values, or one that could be several, are regular expressions inside of a string.
    ['$multi', '(test1|test2)'],
    ['$one', 'a\\\\.b'],
    ['$dotted', '(test\\\\.|a\\\\|b)'],
    ['$all', '(a|b)'],
    ['$everything', '.+'],
    ['${everything:pipe}', '.+'],
    ['${everything:text}', 'All'],
    ['${multi:regex}', '(test1|test2)'],
    ['${dotted:regex}', '(test\\.|a\\|b)'],
    ['${one:regex}', 'a\\.b'],
    ['${multi:pipe}', 'test1|test2'],
    ['${multi:csv}', 'test1,test2'],
    ['${multi:raw}', 'test1,test2'],
    ['${multi:glob}', '{test1,test2}'],
    ['${tenant:glob}', 'acme'],
    ['${multi:json}', '["test1","test2"]'],
    ['${multi:distributed}', 'test1,multi=test2'],
    ['${multi:doublequote}', '"test1","test2"'],
    ['${spaced:singlequote}', "'test\\'1','test 2'"],
    ['${spaced:sqlstring}', "'test''1','test 2'"],
    ['${multi:lucene}', '("test1" OR "test2")'],
    ['${spaced:percentencode}', '%7Btest%271%2Ctest%202%7D'],
    ['${multi:queryparam}', 'var-multi=test1&var-multi=test2'],
    ['${all:queryparam}', 'var-all=%24__all'],
    ['${named:text}', '95th percentile'],
    ['${named.text}', '95th percentile'],
    ['${named}', 'p95'],
    ['${multi:unknownformat}', '{test1,test2}'],
    ['[[multi:pipe]]', 'test1|test2'],
    // Unknown names and the groups of label_replace stay as they are.
    ['$nobody', '$nobody'],
    ['label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'],
    ['rate(x[$__rate_interval])', 'rate(x[1m0s])'],
    ['rate(x[${__rate_interval}])', 'rate(x[1m0s])'],
    ['$__interval', '15s'],
    ['$__interval_ms', '15000'],
    ['$__range', '3600s'],
    ['$__range_s', '3600'],
    ['$__range_ms', '3600000'],
    ['$__from', String(startMs)],
    ['${__to}', String(startMs + 3_600_000)],
    ['${__from:date}', '2026-01-05T09:00:00.000Z'],
    ['${__from:date:iso}', '2026-01-05T09:00:00.000Z'],
    ['${__to:date:seconds}', String((startMs + 3_600_000) / 1000)],
    ['${__from:date:YYYY-MM-DD HH:mm}', '2026-01-05 09:00'],
    ['$__dashboard', 'API Performance'],
  ])('%s becomes %s', (text, expected) => {
    expect(expandVariables(text, scope, 'prometheus')).toBe(expected)
  })
})

describe('a legend or a title', () => {
  it.each([
    ['$named', '95th percentile'],
    ['$multi', 'test1 + test2'],
    ['$everything', '.+'],
    ['$all', 'All'],
  ])('%s becomes %s', (text, expected) => {
    expect(expandVariables(text, scope, 'text')).toBe(expected)
  })
})

it("names of a text are those of the dashboard, not Grafana's own and not groups of a regular expression", () => {
  expect(variableNames('rate($metric[$__rate_interval]) ${tenant:pipe} [[job]] $1 ${__field.labels.x}')).toEqual([
    'metric',
    'tenant',
    'job',
  ])
})

describe('the value of a variable', () => {
  const definition = (more: Partial<DashboardVariable>): DashboardVariable => ({
    name: 'v',
    type: 'custom',
    multi: false,
    includeAll: false,
    allValue: undefined,
    query: '',
    regex: '',
    sort: 0,
    current: [],
    ...more,
  })
  const labelValues = { tenant_id: ['globex', 'acme', 'initech'], instance: ['10.0.0.2:80', '10.0.0.10:80'] }
  const asked: string[] = []
  const judge = {
    labelValues: async (label: keyof typeof labelValues, matcher: string | undefined) => {
      asked.push(`${label} of ${matcher}`)
      return labelValues[label] ?? []
    },
    query: async () => ({
      type: 'vector',
      samples: [
        { labels: { __name__: 'up', job: 'a' }, value: 1 },
        { labels: { job: 'b' }, value: 0.5 },
      ],
    }),
    series: async () => [{ __name__: 'up', job: 'a' }],
  } as unknown as Judge
  const chosen = async (more: Partial<DashboardVariable>) => {
    const variables = new DashboardVariables([definition(more)], builtins)
    await variables.refresh(() => judge, startMs, startMs + 60_000)
    return variables.values.get('v')!
  }

  it.each<[string, Partial<DashboardVariable>, Partial<VariableValue>]>([
    ['custom: the first when nothing was chosen', { query: 'a, b,c' }, { values: ['a'] }],
    ['custom: what was chosen last', { query: 'a,b', current: ['b'] }, { values: ['b'] }],
    ['custom: text and value', { query: 'Slow : p99, Fast : p50' }, { values: ['p99'], texts: ['Slow'] }],
    ['custom: a comma inside of a value', { query: 'a\\,b,c' }, { values: ['a,b'] }],
    ['custom: several', { query: 'a,b,c', multi: true, current: ['a', 'c'] }, { values: ['a', 'c'] }],
    ['a constant', { type: 'constant', query: '0.95' }, { values: ['0.95'] }],
    ['a text box: what was typed', { type: 'textbox', query: 'x', current: ['typed'] }, { values: ['typed'] }],
    ['an interval', { type: 'interval', query: '1m,5m,1h', current: ['5m'] }, { values: ['5m'] }],
    [
      'an interval chosen automatically',
      { type: 'interval', query: '1m,5m', current: ['$__auto_interval_v'] },
      { values: ['2m'] },
    ],
    ['a data source', { type: 'datasource', query: 'prometheus' }, { values: ['prometheus'] }],
    ['label_values of a metric', { type: 'query', query: 'label_values(up, tenant_id)' }, { values: ['globex'] }],
    ['label_values of a label', { type: 'query', query: 'label_values(tenant_id)' }, { values: ['globex'] }],
    ['sorted ascending', { type: 'query', query: 'label_values(up, tenant_id)', sort: 1 }, { values: ['acme'] }],
    ['sorted descending', { type: 'query', query: 'label_values(up, tenant_id)', sort: 2 }, { values: ['initech'] }],
    [
      'All of a query',
      { type: 'query', query: 'label_values(up, tenant_id)', includeAll: true, multi: true, current: ['$__all'] },
      { isAll: true, values: ['globex', 'acme', 'initech'] },
    ],
    [
      'a chosen value that is gone: All where there is All',
      { type: 'query', query: 'label_values(up, tenant_id)', includeAll: true, current: ['umbrella'] },
      { isAll: true },
    ],
    [
      'cut out by a regular expression',
      { type: 'query', query: 'label_values(up, instance)', regex: '/(.*):.*/' },
      { values: ['10.0.0.2'] },
    ],
    [
      'cut out by named groups',
      { type: 'query', query: 'label_values(up, instance)', regex: '/(?<text>[^:]+):(?<value>.*)/' },
      { values: ['80'], texts: ['10.0.0.10'] },
    ],
    [
      'query_result',
      { type: 'query', query: 'query_result(up)', regex: '/job="(.)"/', multi: true, current: ['a', 'b'] },
      { values: ['a', 'b'] },
    ],
    ['a selector: its series', { type: 'query', query: 'up{job="a"}' }, { values: ['up{job="a"}'] }],
  ])('%s', async (_, more, expected) => {
    expect(await chosen(more)).toMatchObject(expected)
  })

  it('of a query may use a variable that stands before it', async () => {
    const variables = new DashboardVariables(
      [
        definition({ name: 'job', query: 'api,ml', current: ['ml'] }),
        definition({ name: 'v', type: 'query', query: 'label_values(up{job="$job"}, tenant_id)' }),
      ],
      builtins,
    )
    await variables.refresh(() => judge, startMs, startMs)
    expect(asked.at(-1)).toBe('tenant_id of up{job="ml"}')
  })
})
