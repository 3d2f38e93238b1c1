/** The queries of all panels that ask Prometheus, so written that they can be read without values of variables. */
import type { Dashboard } from '../dashboards/dashboard.ts'
import type { PanelQuery } from './finding.ts'

export function panelQueriesOf(dashboards: readonly Dashboard[]): PanelQuery[] {
  return dashboards.flatMap(({ file, panels }) =>
    panels.flatMap(({ title, targets }) =>
      targets
        .filter(({ notJudged, broken }) => notJudged === undefined && broken === undefined)
        .map(({ expression }) => ({ where: `${file}: panel "${title}"`, expression: withoutVariables(expression) })),
    ),
  )
}

/** A variable stands for a duration between brackets, and elsewhere mostly inside of a text, where it may stay. */
export function withoutVariables(expression: string): string {
  return expression
    .replaceAll(/\[[^\]]*\$[^\]]*\]/g, '[5m]')
    .replaceAll(/\boffset\s+\$\w+/g, 'offset 5m')
    .replaceAll(/(?<=[(,]\s*)\$\{?\w+\}?(?=\s*[,)])/g, '1')
}
