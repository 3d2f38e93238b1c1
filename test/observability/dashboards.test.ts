/** The shipped dashboards and what provisions them: as the builders give them, and as the platform documents them. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { dashboardFiles } from '../../tools/dashboards/files.ts'
import * as palette from '../../tools/dashboards/palette.ts'
import { burnFactors, objectives } from '../../tools/dashboards/slo-objectives.ts'
import { dashboardFileNames, exploreQueries, type Panel, panelsOf, readDashboards } from './dashboard-files.ts'
import { readRuleGroups, readText } from './rule-files.ts'

const dashboards = readDashboards()
const byUid = new Map(dashboards.map((dashboard) => [dashboard.uid, dashboard]))

/** What the platform's papers list, and the type of panel that each name says. */
const catalogue: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'system-health': {
    'Service status': 'stat',
    'CPU per service': 'timeseries',
    'Memory per service': 'timeseries',
    'Disk space': 'gauge',
    'Disk I/O, bytes': 'timeseries',
    'Disk I/O, operations': 'timeseries',
    'Network in and out': 'timeseries',
    'Container metrics': 'table',
  },
  'api-performance': {
    'Request rate per endpoint': 'timeseries',
    'Latency p50, p95, p99': 'timeseries',
    'Error rate by status': 'timeseries',
    'Top 10 slowest endpoints': 'bargauge',
    'Request size distribution': 'heatmap',
    'Response size distribution': 'heatmap',
    'Active connections': 'timeseries',
    'Cache hit rate': 'gauge',
    'Rate limited requests': 'timeseries',
    'Database queries': 'timeseries',
    'Response code distribution': 'piechart',
  },
  'ml-engine': {
    'Training job status': 'gauge',
    'NDCG@10': 'stat',
    'Embedding cache hit rate': 'gauge',
    'FAISS search latency p50, p95': 'timeseries',
    'Request rate by endpoint': 'timeseries',
    'Model quality over time': 'timeseries',
    'Training jobs completed and failed': 'timeseries',
    'Embedding cache hits and misses': 'timeseries',
    'Model version deployed by tenant': 'stat',
    'Embedding generation latency p50, p95, p99': 'timeseries',
  },
  'business-metrics': {
    'Recommendations served, last hour': 'stat',
    'API calls, last hour': 'stat',
    'Active tenants': 'stat',
    'Revenue (mock)': 'stat',
    'Recommendations over time': 'timeseries',
    'API calls by tenant': 'timeseries',
    'Top 10 tenants by usage': 'piechart',
    'Recommendations by tenant': 'bargauge',
    'Tenant usage summary': 'table',
    'Revenue by tenant, daily': 'barchart',
    'Tenant growth': 'timeseries',
    'Endpoint usage distribution': 'piechart',
  },
}

test('the files are what `npm run dashboards` writes', () => {
  const built = dashboardFiles()
  expect(Object.keys(built).sort()).toEqual([
    'docs/dashboards.md',
    ...dashboardFileNames.map((name) => `observability/grafana/dashboards/${name}`),
  ])
  for (const [path, text] of Object.entries(built)) expect(text === readText(path), `${path} is out of date`).toBe(true)
})

test('building twice gives the same bytes', () => {
  expect(dashboardFiles()).toEqual(dashboardFiles())
})

test('each has the uid of its file, which alert rules link to', () => {
  expect(dashboards.map(({ uid }) => `${uid}.json`)).toEqual(dashboardFileNames)
  const rules = readRuleGroups().flatMap(({ rules }) => rules)
  for (const { alert, annotations } of rules) {
    expect(byUid.has(annotations.dashboard!.split('/d/')[1]!), alert).toBe(true)
  }
})

describe.each(Object.entries(catalogue))('%s', (uid, wanted) => {
  test.each(Object.entries(wanted))('has the panel "%s" as %s', (title, type) => {
    expect(
      panelsOf(byUid.get(uid)!)
        .filter((panel) => panel.title === title)
        .map((panel) => panel.type),
    ).toEqual([type])
  })
})

test('they refresh as documented: not faster than the scrape, but for the ML engine', () => {
  expect(Object.fromEntries(dashboards.map(({ uid, refresh }) => [uid, refresh]))).toEqual({
    'api-performance': '15s',
    'business-metrics': '30s',
    cost: '30s',
    firedrill: '15s',
    'ml-engine': '10s',
    slo: '1m',
    'system-health': '15s',
  })
})

describe.each(dashboards.map((dashboard) => [dashboard.uid, dashboard] as const))('%s', (uid, dashboard) => {
  const panels = panelsOf(dashboard)

  test('is classic JSON with a shared crosshair and a description', () => {
    expect(dashboard).toMatchObject({ schemaVersion: 42, graphTooltip: 1 })
    expect(dashboard.description).not.toBe('')
  })

  test('has ids in the order of the page', () => {
    expect(dashboard.panels.map(({ id }) => id)).toEqual(dashboard.panels.map((_, index) => index + 1))
  })

  test('has titles that tell its panels apart', () => {
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
  })

  test('lays its panels out on the grid without an overlap', () => {
    const taken = new Map<string, string>()
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.get(`${x},${y}`), `${title} lies upon another panel`).toBeUndefined()
          taken.set(`${x},${y}`, title)
        }
      }
    }
  })

  test('says of each panel what it shows, why, and what to do', () => {
    for (const { title, description } of panels) {
      expect(description, title).toMatch(/^\S.*\.\n\n\*\*Why:\*\* \S.*\.\n\n\*\*Do:\*\* \S.*\.$/)
    }
  })

  test('gives each panel a unit and thresholds', () => {
    for (const { title, fieldConfig } of panels) {
      expect(fieldConfig.defaults.unit, title).toBeTruthy()
      expect(fieldConfig.defaults.thresholds!.steps[0]!.value, title).toBeNull()
    }
  })

  test('asks once where one value is shown, over time where a line is drawn', () => {
    const overTime = ['timeseries', 'heatmap', 'state-timeline']
    for (const { title, type, targets } of panels) {
      for (const { instant, range } of targets!) {
        expect({ title, instant, range }).toEqual({
          title,
          instant: !overTime.includes(type),
          range: overTime.includes(type),
        })
      }
    }
  })

  test('divides by nothing that can be 0', () => {
    for (const { title, targets } of panels) {
      for (const { expr } of targets!) {
        for (const [, divisor] of expr.matchAll(
          /[\s)]\/\s*(?:on \([^)]*\)\s*)?(?:group_left \([^)]*\)\s*)?(\S[^\n]*)/g,
        )) {
          const isSafe =
            /> 0\)/.test(divisor!) || /^[\d.]+$/.test(divisor!) || /container_spec_cpu_quota.*> 0/.test(expr)
          expect(isSafe, `${title}: ${divisor}`).toBe(true)
        }
      }
    }
  })

  test('has the variables datasource and tenant, with All', () => {
    const [datasource, tenant] = dashboard.templating.list
    expect(datasource).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
    expect(tenant).toMatchObject({ name: 'tenant', type: 'query', multi: true, includeAll: true, allValue: '.+' })
  })

  test('matches variables of several values by regular expression', () => {
    const text = JSON.stringify(panels.map(({ targets }) => targets!.map(({ expr }) => expr)))
    for (const [, operator] of text.matchAll(/([=~!]+)\\\\?"\$\w+/g)) expect(operator).toBe('=~')
  })

  test('links to its siblings and keeps time and variables', () => {
    expect(dashboard.links).toHaveLength(1)
    expect(dashboard.links[0]).toMatchObject({ tags: ['team-zeta'], keepTime: true, includeVars: true })
    expect(dashboard.tags).toContain('team-zeta')
  })

  test('marks firing alerts and injected faults', () => {
    expect(dashboard.annotations.list.map(({ name, target }) => [name, target.expr])).toEqual([
      ['Firing alerts', 'ALERTS{alertstate="firing"}'],
      ['Injected faults', 'firedrill_fault_active == 1'],
    ])
  })

  test('uses the colours of the palette only', () => {
    const known = Object.values(palette).flatMap((colors) => Object.values(colors))
    for (const { title, fieldConfig } of panels) {
      const text = JSON.stringify(fieldConfig)
      for (const [, color] of text.matchAll(/"(?:color|fixedColor)":"([^"]+)"/g)) expect(known, title).toContain(color)
    }
  })

  if (uid !== 'firedrill') {
    test('leads to the logs and the traces', () => {
      const queries = panels.flatMap(linkedQueries)
      expect(queries.some(({ datasource }) => uidOf(datasource) === 'loki')).toBe(true)
      if (!['business-metrics', 'cost'].includes(uid))
        expect(queries.some(({ datasource }) => uidOf(datasource) === 'jaeger')).toBe(true)
    })
  }
})

test('a panel that an alert watches has the threshold of the alert', () => {
  const watched: Readonly<Record<string, readonly [string, string]>> = {
    HighErrorRate: ['api-performance', 'Error rate by status'],
    HighLatencyP95: ['api-performance', 'Latency p50, p95, p99'],
    MLEngineHighErrorRate: ['ml-engine', 'Errors by type'],
    HighMemoryUsage: ['system-health', 'Memory per service'],
    HighCPUUsage: ['system-health', 'CPU per service'],
    DiskSpaceLow: ['system-health', 'Disk space'],
    CacheHitRateLow: ['api-performance', 'Cache hit rate'],
    HighRateLimitExceeded: ['api-performance', 'Rate limited requests'],
    EmbeddingCacheStale: ['ml-engine', 'Embedding cache age'],
    DataPipelineProcessingLag: ['system-health', 'Kafka consumer lag'],
  }
  for (const { alert, expr } of readRuleGroups().flatMap(({ rules }) => rules)) {
    if (!watched[alert]) continue
    const [uid, title] = watched[alert]
    const panel = panelsOf(byUid.get(uid)!).find((one) => one.title === title)!
    const threshold = Number(/(?:>|<) ([\d.]+)\s*$/.exec(expr)![1])
    expect(
      panel.fieldConfig.defaults.thresholds!.steps.map(({ value }) => value),
      alert,
    ).toContain(threshold)
  }
})

test('the SLO dashboard and the SLO rules speak of the same objectives', () => {
  const rules = readText('observability/prometheus/slo-rules.yml')
  for (const [name, { budget }] of Object.entries(objectives)) {
    const thresholds = [
      ...rules.matchAll(new RegExp(`job:slo_${name}_errors:ratio_rate\\w+ > ([\\d.]+) \\* ([\\d.]+)`, 'g')),
    ]
    expect(new Set(thresholds.map(([, , used]) => Number(used))), name).toEqual(new Set([budget]))
    expect(
      thresholds.map(([, factor]) => Number(factor)),
      name,
    ).toEqual(Object.values(burnFactors).flatMap((factor) => [factor, factor]))
  }
})

describe('provisioning', () => {
  const grafana = 'observability/grafana/provisioning'
  const { datasources } = parse(readText(`${grafana}/datasources/datasources.yml`)) as { datasources: DataSource[] }
  const [prometheus, loki, jaeger] = datasources as [DataSource, DataSource, DataSource]

  test('gives the three data sources the uids that everything refers to', () => {
    expect(datasources.map(({ name, uid, type, access, url }) => [name, uid, type, access, url])).toEqual([
      ['Prometheus', 'prometheus', 'prometheus', 'proxy', 'http://prometheus:9090'],
      ['Loki', 'loki', 'loki', 'proxy', 'http://loki:3100'],
      ['Jaeger', 'jaeger', 'jaeger', 'proxy', 'http://jaeger:16686'],
    ])
    expect(datasources.map(({ isDefault }) => isDefault === true)).toEqual([true, false, false])
  })

  test('tells Grafana the real scrape interval', () => {
    const { global } = parse(readText('observability/prometheus/prometheus.yml')) as {
      global: { scrape_interval: string }
    }
    expect(prometheus.jsonData.timeInterval).toBe(global.scrape_interval)
  })

  test('limits Loki to a thousand lines', () => {
    expect(loki.jsonData.maxLines).toBe(1000)
  })

  test('links metrics to traces, logs to traces, traces to logs and metrics', () => {
    expect(prometheus.jsonData.exemplarTraceIdDestinations).toMatchObject([
      { name: 'trace_id', datasourceUid: 'jaeger' },
    ])
    expect(loki.jsonData.derivedFields).toMatchObject([
      { matcherType: 'label', matcherRegex: 'trace_id', datasourceUid: 'jaeger' },
    ])
    expect(jaeger.jsonData.tracesToLogsV2).toMatchObject({
      datasourceUid: 'loki',
      spanStartTimeShift: '-5m',
      spanEndTimeShift: '5m',
    })
    expect(jaeger.jsonData.tracesToMetrics).toMatchObject({ datasourceUid: 'prometheus' })
  })

  test('doubles every dollar, which Grafana would take for a variable of the environment', () => {
    const lines = readText(`${grafana}/datasources/datasources.yml`).split('\n')
    const settings = lines.filter((line) => !line.trimStart().startsWith('#')).join('\n')
    expect(settings.replaceAll('$$', '')).not.toContain('$')
  })

  test('finds the dashboards in a folder of their own, for "Team Zeta"', () => {
    const { providers } = parse(readText(`${grafana}/dashboards/dashboards.yml`)) as { providers: Provider[] }
    expect(providers).toMatchObject([{ folder: 'Team Zeta', type: 'file', allowUiUpdates: false }])
    expect(providers[0]!.options.path).not.toContain('provisioning')
    expect(existsSync(new URL('../../observability/grafana/dashboards', import.meta.url))).toBe(true)
  })
})

interface DataSource {
  readonly name: string
  readonly uid: string
  readonly type: string
  readonly access: string
  readonly url: string
  readonly isDefault?: boolean
  readonly jsonData: Readonly<Record<string, unknown>>
}

interface Provider {
  readonly options: { readonly path: string }
}

function linkedQueries({ fieldConfig }: Panel): readonly Record<string, unknown>[] {
  const own = fieldConfig.overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'links'))
  const links = [...(fieldConfig.defaults.links ?? []), ...own.flatMap(({ value }) => value as { url: string }[])]
  return links.flatMap(({ url }) => exploreQueries(url))
}

function uidOf(datasource: unknown): unknown {
  return (datasource as { uid?: unknown } | undefined)?.uid
}
