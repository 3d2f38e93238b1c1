/**
 * Which shipped panel has data and moves where, read from what the shipped scenarios expect. The scenarios are proven by
 * running them; this list is only as good as they are, and says which panels none of them moves, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAbout } from '../simulator/dashboards/panel-pattern.ts'
import { loadProjectConfig } from '../simulator/project/project-config.ts'
import { loadScenario } from '../simulator/scenario/load-scenario.ts'
import { formatProblem } from '../simulator/scenario/problem.ts'
import type { PanelExpected } from '../simulator/scenario/scenario.ts'

/** Panels that rightly stay still, and why: `coverage` in firedrill.yaml says so. */
export function stillPanels(root: string): Readonly<Record<string, string>> {
  const { config } = loadProjectConfig(root)
  return Object.fromEntries(
    (config.coverage?.still ?? []).map(({ dashboard, panel, reason }) => [`${dashboard} / ${panel}`, reason]),
  )
}

export interface PanelProof {
  /** `dashboard / panel`. */
  readonly panel: string
  readonly dataIn: readonly string[]
  readonly moves: readonly { readonly scenario: string; readonly during: string; readonly moves: string }[]
}

interface PanelInFile {
  readonly type?: string
  readonly title?: string
  readonly targets?: readonly unknown[]
  readonly panels?: readonly PanelInFile[]
}

export function panelProofs(root: string): PanelProof[] {
  const expected = expectedOfScenarios(join(root, 'scenarios'))
  return shippedPanels(join(root, 'observability', 'grafana', 'dashboards')).map(({ dashboard, title }) => {
    const query = { dashboard, panel: { title } }
    const about = expected.filter(({ panel }) => isAbout(panel, query))
    return {
      panel: `${dashboard.uid} / ${title}`,
      dataIn: [...new Set(about.filter(({ panel }) => panel.has === 'data').map(({ scenario }) => scenario))],
      moves: about.flatMap(({ scenario, panel: { moves, during } }) =>
        moves === 'up' || moves === 'down' ? [{ scenario, during: during ?? '', moves }] : [],
      ),
    }
  })
}

function expectedOfScenarios(folder: string): { scenario: string; panel: PanelExpected }[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  return files.sort().flatMap((name) => {
    const { drills, problems } = loadScenario(join(folder, name), { worldsFolder: join(folder, 'worlds') })
    if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'))
    const drill = drills.find(({ twin }) => twin === undefined)!
    return drill.expect.panels.map((panel) => ({ scenario: drill.scenario, panel }))
  })
}

function shippedPanels(folder: string): { dashboard: { uid: string; title: string }; title: string }[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return files.sort().flatMap((name) => {
    const dashboard = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      uid: string
      title: string
      panels: readonly PanelInFile[]
    }
    const panels = dashboard.panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]))
    const { uid, title } = dashboard
    return panels
      .filter(({ targets }) => (targets ?? []).length > 0)
      .map((panel) => ({ dashboard: { uid, title }, title: panel.title ?? '' }))
  })
}

/** The text of docs/panel-coverage.md. */
export function panelCoveragePage(proofs: readonly PanelProof[], still: Readonly<Record<string, string>>): string {
  const rows = proofs.map(({ panel, dataIn, moves }) => {
    const shown = moves.map((one) => `${one.moves} in [${one.scenario}](../scenarios/${one.scenario}.yaml)`)
    const where =
      shown.length > 0 ? shown.join(', ') : panel in still ? `still, as stated: ${still[panel]}` : '– (no scenario)'
    return `| ${panel} | ${dataIn.join(', ') || '–'} | ${where} |`
  })
  return [
    '# Where each panel is proven',
    '',
    'Written by `npm run panel-coverage` from what the shipped scenarios expect; `firedrill run --all` proves it, and a test says',
    'when this page is out of date. "Moves" is the median during the fault against an equal time before it; see',
    '[dashboards under drill](panels.md).',
    '',
    '| panel | has data in | moves |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
