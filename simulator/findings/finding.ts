/**
 * What a finding is: something that the tool noticed by itself about rules, dashboards and configs, with a stable code, a
 * place, and evidence in numbers. Each code has a file here and a page in docs/findings/.
 *
 * A definition looks at one or more of three things: the files (also without a run), one drill (inside of its worker, where
 * samples and evaluations are at hand), or all drills of a run together.
 */

import type { Alertmanager } from '../alertmanager/alertmanager-config.ts'
import type { RuleEvaluation } from '../alerts/evaluate.ts'
import type { Rule, RuleGroup } from '../alerts/load-rules.ts'
import type { AlertResult, DrillResult, Finding } from '../drill/drill-result.ts'
import type { Labels } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import type { Documentation } from './documentation.ts'
import type { SeriesWatch } from './series-watch.ts'
import type { Survey } from './survey.ts'

export type Severity = Finding['severity']

export interface FindingDefinition {
  /** Stable; also the name of the page in docs/findings/. */
  readonly code: string
  /** Unless a single case says otherwise. */
  readonly severity: Severity
  /** What is wrong, in a few words, for lists. */
  readonly title: string
  inFiles?(subject: FilesSubject): Iterable<Noticed>
  inDrill?(subject: DrillSubject): Iterable<Noticed>
  inRun?(subject: RunSubject): Iterable<Noticed>
}

/** One case of a finding. */
export interface Noticed {
  /** `file:line`, or what else names the place. */
  readonly where: string
  readonly message: string
  /** Numbers and names, not opinions. */
  readonly evidence: string
  readonly severity?: Severity
}

export interface FilesSubject {
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  readonly alertmanager: Alertmanager | undefined
  readonly documentation: Documentation | undefined
  /** Queries of panels: they use metrics too. */
  readonly panelQueries: readonly PanelQuery[]
  /** What the platform exposes and the scrape config keeps; undefined when nothing ran. */
  readonly survey: Survey | undefined
}

export interface PanelQuery {
  readonly where: string
  readonly expression: string
}

export interface DrillSubject {
  readonly drill: Drill
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  readonly evaluations: readonly RuleEvaluation[]
  readonly alerts: readonly AlertResult[]
  readonly watch: SeriesWatch
  /** Why a selector of the rule finds nothing, when the scrape says so. */
  explain(evaluation: RuleEvaluation, labels: Labels): string | undefined
}

export interface RunSubject extends FilesSubject {
  readonly results: readonly DrillResult[]
}

export function rulesOf(groups: readonly RuleGroup[]): { rule: Rule; group: RuleGroup }[] {
  return groups.flatMap((group) => group.rules.map((rule) => ({ rule, group })))
}

export function alertingRulesOf(groups: readonly RuleGroup[]): { rule: Rule; group: RuleGroup }[] {
  return rulesOf(groups).filter(({ rule }) => rule.kind === 'alerting')
}
