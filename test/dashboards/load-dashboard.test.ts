/** Dashboards as files: what is said about wrong ones stands beside each of them. UPDATE_GOLDEN=1 rewrites. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { DataSource } from '../../simulator/dashboards/data-sources.ts'
import { type LoadedDashboard, loadDashboard } from '../../simulator/dashboards/load-dashboard.ts'
import { loadDashboards } from '../../simulator/dashboards/load-dashboards.ts'
import { fileSource } from '../../simulator/drill/drill-setup.ts'
import type { Engine } from '../../simulator/judge/embedded/engine.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import { testEngine } from '../drill/run-scenario.ts'

const folder = 'test/fixtures/dashboards/bad'
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
const dataSources: readonly DataSource[] = [
  { uid: 'prometheus', name: 'Prometheus', type: 'prometheus', isDefault: true, scrapeIntervalMs: 15_000 },
  { uid: 'loki', name: 'Loki', type: 'loki', isDefault: false, scrapeIntervalMs: undefined },
]
let engine: Engine

beforeAll(async () => {
  engine = await testEngine()
})

function load(text: string): LoadedDashboard {
  return loadDashboard('small.json', text, { engine, dataSources })
}

function dashboardWith(panels: readonly object[], more: object = {}): string {
  return JSON.stringify({ uid: 'small', title: 'Small', schemaVersion: 42, panels, ...more })
}

describe('a wrong dashboard', () => {
  it.each(files)('%s is told what is wrong with it', (name) => {
    const path = join(folder, name)
    const { problems } = loadDashboard(path, readFileSync(path, 'utf8'), { engine, dataSources })
    const text = problems.map((problem) => `${problem.severity} ${problem.code}: ${formatProblem(problem)}\n`).join('')
    const golden = path.replace('.json', '.txt')
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, text)
    expect(problems.length).toBeGreaterThan(0)
    expect(text).not.toMatch(/\n\s+at |node_modules|\[object|undefined|NaN/)
    expect(text).toBe(readFileSync(golden, 'utf8'))
  })

  it('does not hide the panels that are good', () => {
    for (const name of ['broken-expression', 'unknown-variable', 'angular', 'data-source-by-name', 'inputs']) {
      const path = join(folder, `${name}.json`)
      const { dashboard } = loadDashboard(path, readFileSync(path, 'utf8'), { engine, dataSources })
      const good = dashboard!.panels.find(({ title }) => title === 'Good')!
      expect(good.targets[0]).toMatchObject({ broken: undefined, notJudged: undefined })
    }
  })

  it('does not hide other dashboards of its folder', () => {
    const { dashboards, problems } = loadDashboards(folder, engine, fileSource)
    expect(dashboards.length).toBeGreaterThan(0)
    expect(new Set(problems.map(({ file }) => file)).size).toBeGreaterThan(10)
  })
})

describe('a dashboard', () => {
  it('keeps the panels of rows, open and closed', () => {
    const panels = [
      { type: 'timeseries', title: 'Above', targets: [{ refId: 'A', expr: 'up' }] },
      { type: 'row', title: 'Open', panels: [] },
      { type: 'timeseries', title: 'In the open row', targets: [{ refId: 'A', expr: 'up' }] },
      {
        type: 'row',
        title: 'Closed',
        collapsed: true,
        panels: [{ type: 'stat', title: 'Inside', targets: [{ refId: 'A', expr: 'up' }] }],
      },
    ]
    const { dashboard, problems } = load(dashboardWith(panels))
    expect(problems).toEqual([])
    expect(dashboard!.panels.map(({ title }) => title)).toEqual(['Above', 'In the open row', 'Inside'])
  })

  it('says of a library panel that its queries are not in the file', () => {
    const { dashboard } = load(dashboardWith([{ type: 'timeseries', libraryPanel: { uid: 'x', name: 'Shared' } }]))
    expect(dashboard!.panels[0]).toMatchObject({
      notJudged: expect.stringContaining('library panel "Shared"'),
      targets: [],
    })
  })

  it('judges queries of Prometheus alone, and says why not the others', () => {
    const panels = [
      { type: 'logs', title: 'Logs', datasource: { type: 'loki', uid: 'loki' }, targets: [{ expr: '{a="b"}' }] },
      {
        type: 'timeseries',
        title: 'Mixed',
        datasource: { type: 'datasource', uid: '-- Mixed --' },
        targets: [
          { refId: 'A', expr: 'up', datasource: { type: 'prometheus', uid: 'prometheus' } },
          { refId: 'B', expr: '{a="b"}', datasource: { type: 'loki', uid: 'loki' } },
          { refId: 'C', type: 'math', expression: '$A * 2', datasource: { type: '__expr__', uid: '__expr__' } },
          { refId: 'D', expr: 'up', hide: true },
        ],
      },
    ]
    const { dashboard } = load(dashboardWith(panels))
    const reasons = dashboard!.panels.map(({ targets }) => targets.map(({ notJudged }) => notJudged))
    expect(reasons).toEqual([
      ['its data source is loki, which has no judge here'],
      [
        undefined,
        'its data source is loki, which has no judge here',
        'it is an expression over other queries, which only Grafana computes',
      ],
    ])
  })

  it('asks as often as the panel is wide, unless it says otherwise', () => {
    const target = [{ refId: 'A', expr: 'up' }]
    const panels = [
      { type: 'timeseries', title: 'Half', gridPos: { w: 12 }, targets: target },
      { type: 'timeseries', title: 'Whole', gridPos: { w: 24 }, targets: target },
      { type: 'timeseries', title: 'Few', gridPos: { w: 24 }, maxDataPoints: 100, targets: target },
    ]
    expect(load(dashboardWith(panels)).dashboard!.panels.map(({ maxDataPoints }) => maxDataPoints)).toEqual([
      940, 1888, 100,
    ])
  })

  it('takes the scrape interval from the data source that it names', () => {
    const { dashboard } = load(dashboardWith([{ type: 'stat', title: 'A', targets: [{ expr: 'up', instant: true }] }]))
    expect(dashboard!.panels[0]!.targets[0]).toMatchObject({ scrapeIntervalMs: 15_000, instant: true })
  })
})
