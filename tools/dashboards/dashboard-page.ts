/** What all dashboards have in common: variables, annotations, links, and the places of the panels on the grid. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { states } from './palette.ts'
import { prometheus } from './queries.ts'

export interface Page {
  /** The alert rules link to it. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly refresh: string
  /** How far back the page looks at first, a duration. */
  readonly from: string
  /** Beside `datasource` and `tenant`. */
  readonly variables?: readonly Builder<VariableModel>[]
  readonly rows: readonly Row[]
}

export interface Row {
  readonly title: string
  readonly panels: readonly PlacedPanel[]
}

/** Width in columns of 24, height in rows of 30 pixels. */
export type PlacedPanel = readonly [panel: Builder<Panel>, width: number, height: number]

/** All dashboards carry it; the links between them go by it. */
const siblingTag = 'team-zeta'
const gridColumns = 24

export function buildPage(page: Page): Dashboard {
  const builder = new DashboardBuilder(page.title)
    .uid(page.uid)
    .description(page.description)
    .tags([siblingTag, 'firedrill'])
    .timezone('browser')
    .time({ from: `now-${page.from}`, to: 'now' })
    .refresh(page.refresh)
    // The file is the source: a change made in the browser would be lost at the next start.
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([datasourceVariable(), tenantVariable(), ...(page.variables ?? [])])
    .annotations([firingAlerts(), injectedFaults()])
    .link(
      new DashboardLinkBuilder('Dashboards of Team Zeta')
        .type(DashboardLinkType.Dashboards)
        .tags([siblingTag])
        .icon('dashboard')
        .tooltip('The other dashboards, at the same time and with the same variables')
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    )
  let id = 0
  let y = 0
  for (const row of page.rows) {
    builder.withRow(new RowBuilder(row.title).id(++id).gridPos({ x: 0, y, w: gridColumns, h: 1 }))
    y += 1
    let x = 0
    let highest = 0
    for (const [panel, w, h] of row.panels) {
      if (x + w > gridColumns) {
        x = 0
        y += highest
        highest = 0
      }
      const built: Panel = { ...panel.build(), id: ++id, gridPos: { x, y, w, h } }
      builder.withPanel({ build: () => built })
      x += w
      highest = Math.max(highest, h)
    }
    y += highest
  }
  return inOrder(builder.build())
}

/** What identifies the page first; and links and annotations in sight, where the SDK's default hides them in a menu. */
function inOrder({ uid, title, description, tags, panels, links, annotations, ...rest }: Dashboard): Dashboard {
  const inSight = <T extends { placement?: unknown }>(things: readonly T[] = []) =>
    things.map(({ placement: _, ...thing }) => thing as T)
  return {
    uid,
    title,
    description,
    tags,
    ...rest,
    links: inSight(links),
    annotations: { list: inSight(annotations?.list) },
    panels,
  }
}

/** A variable that is filled from the values of a label, "All" included. */
export function labelVariable(name: string, label: string, query: string, description: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(prometheus)
    .query({ query, refId: name, qryType: 1 })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: ['All'], value: ['$__all'] })
}

function datasourceVariable(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .description('The Prometheus to ask')
    .type('prometheus')
    .current({ selected: true, text: 'Prometheus', value: 'prometheus' })
}

function tenantVariable(): QueryVariableBuilder {
  return labelVariable(
    'tenant',
    'Tenant',
    'label_values(tenant_status, tenant_id)',
    'Narrows what is counted by tenant; metrics without a tenant show all of them',
  )
}

function firingAlerts(): AnnotationQueryBuilder {
  return annotation('Firing alerts', 'ALERTS{alertstate="firing"}', states.alert, {
    title: '{{alertname}}',
    text: '{{severity}} {{job}} {{instance}} {{tenant_id}}',
    tags: 'alertname,severity',
  })
}

function injectedFaults(): AnnotationQueryBuilder {
  return annotation('Injected faults', 'firedrill_fault_active == 1', states.busy, {
    title: 'Fault {{fault}}',
    text: '{{event}}: {{target}}',
    tags: 'fault,event',
  })
}

function annotation(
  name: string,
  expression: string,
  color: string,
  formats: { title: string; text: string; tags: string },
): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(prometheus)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .target(new DataqueryBuilder().refId('Anno').expr(expression).range().interval('15s'))
    .expr(expression)
    .step('15s')
    .titleFormat(formats.title)
    .textFormat(formats.text)
    .tagKeys(formats.tags)
    .useValueForTime(false)
}
