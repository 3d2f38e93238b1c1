/** Suite 2: the dashboards are valid, and what they ask is answered quickly. Grafana itself is not needed for it. */

import type { Dashboard, DashboardProblem } from '../../dashboards/dashboard.ts'
import { placeholderScope } from '../../dashboards/variable-values.ts'
import { expandVariables } from '../../dashboards/variables.ts'
import { formatProblem } from '../../scenario/problem.ts'
import { askJson, type PrometheusAnswer } from './ask.ts'
import { below, type Check, failed, holds, notJudged, type Stack, Unanswered } from './check.ts'

const queryMsMax = 1_000
const dashboardMsMax = 3_000
const rangeS = 900
const stepS = 15

interface Query {
  readonly panel: string
  readonly expression: string
  readonly instant: boolean
}

export async function verifyDashboards(
  { prometheus }: Stack,
  dashboards: readonly Dashboard[],
  problems: readonly DashboardProblem[],
): Promise<Check[]> {
  const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem)
  const checks: Check[] = [
    holds(
      errors.length === 0 && dashboards.length > 0,
      'dashboards valid',
      errors.length > 0 ? errors.join('; ') : `${dashboards.length} of ${dashboards.length}`,
    ),
  ]
  for (const dashboard of dashboards) checks.push(...(await verifyDashboard(prometheus, dashboard)))
  return [...checks, notJudged('page load time', 'needs a Grafana and a browser', true)]
}

async function verifyDashboard(prometheus: string, dashboard: Dashboard): Promise<Check[]> {
  const queries = queriesOf(dashboard)
  let slowest = { panel: '', ms: 0 }
  let withData = 0
  const refused: string[] = []
  for (const query of queries) {
    try {
      const { answer, ms } = await ask(prometheus, query)
      if (ms > slowest.ms) slowest = { panel: query.panel, ms }
      if (answer.data.result.length > 0) withData += 1
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      refused.push(`${query.panel}: ${error.message}`)
    }
  }
  const name = `${dashboard.uid}:`
  if (refused.length > 0) return [failed(`${name} queries`, refused.join('; '))]
  const startedMs = performance.now()
  await Promise.all(queries.map((query) => ask(prometheus, query)))
  const allMs = performance.now() - startedMs
  return [
    below(
      `${name} slowest query`,
      slowest.ms,
      queryMsMax,
      `${slowest.panel}; ${withData} of ${queries.length} have data`,
    ),
    below(`${name} all queries at once`, allMs, dashboardMsMax, `${queries.length} queries`),
  ]
}

function queriesOf(dashboard: Dashboard): Query[] {
  const scope = placeholderScope(dashboard.variables)
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets
      .filter(({ notJudged: other, broken }) => other === undefined && broken === undefined)
      .map(({ expression, instant }) => ({
        panel: title,
        expression: expandVariables(expression, scope, 'prometheus'),
        instant,
      })),
  )
}

function ask(prometheus: string, { expression: query, instant }: Query) {
  if (instant) return askJson<PrometheusAnswer>(`${prometheus}/api/v1/query`, { query })
  const endS = Math.floor(Date.now() / 1000)
  const range = { start: String(endS - rangeS), end: String(endS), step: String(stepS) }
  return askJson<PrometheusAnswer>(`${prometheus}/api/v1/query_range`, { query, ...range })
}
