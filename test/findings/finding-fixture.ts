/** A folder of fixtures: rules, and perhaps a scrape config, an alertmanager.yml and documentation of metrics. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Alertmanager, loadAlertmanager } from '../../simulator/alertmanager/alertmanager-config.ts'
import { loadRules, type RuleGroup } from '../../simulator/alerts/load-rules.ts'
import { fileSource } from '../../simulator/drill/drill-setup.ts'
import { readDocumentation } from '../../simulator/findings/documentation.ts'
import type { FilesSubject } from '../../simulator/findings/finding.ts'
import type { Engine } from '../../simulator/judge/embedded/engine.ts'
import { formatProblem, type Problem } from '../../simulator/scenario/problem.ts'
import { loadPrometheusConfig, type PrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'

export const fixtures = join('test', 'fixtures', 'findings')
const shippedConfig = join('observability', 'prometheus', 'prometheus.yml')

export function codesWithFixtures(): string[] {
  return readdirSync(fixtures).filter((name) => existsSync(join(fixtures, name, 'bad')))
}

export function hasFile(folder: string, name: string): boolean {
  return existsSync(join(folder, name))
}

/** @throws when a file is wrong: fixtures have defects, not mistakes */
export function loadFixture(folder: string, engine: Engine): FilesSubject {
  const own = join(folder, 'prometheus.yml')
  const config = configOf(existsSync(own) ? own : shippedConfig, engine)
  return {
    config,
    groups: rulesIn(join(folder, 'rules.yml'), engine),
    alertmanager: alertmanagerOf(join(folder, 'alertmanager.yml'), engine),
    documentation: existsSync(join(folder, 'metrics.md'))
      ? readDocumentation([join(folder, 'metrics.md')], (file) => readFileSync(file, 'utf8')).documentation
      : undefined,
    panelQueries: [],
    survey: undefined,
  }
}

export function configOf(file: string, engine: Engine): PrometheusConfig {
  const { config, problems } = loadPrometheusConfig(file, {
    engine,
    environment: { ENVIRONMENT: 'test' },
    files: fileSource,
  })
  return good(config, problems)
}

export function rulesIn(file: string, engine: Engine): readonly RuleGroup[] {
  const { groups, problems } = loadRules([{ path: file, text: readFileSync(file, 'utf8') }], engine, 60_000)
  return good(groups, problems)
}

export function alertmanagerOf(file: string, engine: Engine): Alertmanager | undefined {
  if (!existsSync(file)) return undefined
  const { alertmanager, problems } = loadAlertmanager(file, readFileSync(file), engine)
  return good(alertmanager, problems)
}

function good<T>(value: T | undefined, problems: readonly Problem[]): T {
  if (value === undefined || problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'))
  return value
}
