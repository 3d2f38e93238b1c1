/** rate() needs two samples inside of its window: with a window under twice the scrape interval it often has one, and gives nothing. */
import { expressionsIn, parseExpression, type SelectorExpression } from '../alerts/expression-tree.ts'
import { matches } from '../alerts/selector-match.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { type FindingDefinition, rulesOf } from './finding.ts'
import type { Survey } from './survey.ts'

const needTwoSamples = new Set(['rate', 'increase', 'irate', 'delta', 'idelta', 'deriv', 'predict_linear'])

export const rateWindowTooShort: FindingDefinition = {
  code: 'rate-window-too-short',
  severity: 'error',
  title: 'a rate window under twice the scrape interval',
  *inFiles({ config, groups, survey }) {
    for (const { rule } of rulesOf(groups)) {
      const tree = parseExpression(rule.expression)
      if (!tree) continue
      for (const call of expressionsIn(tree)) {
        if (call.kind !== 'call' || !needTwoSamples.has(call.name)) continue
        const selector = call.arguments.find((argument) => argument.kind === 'selector')
        if (!selector) continue
        const slowest = slowestJob(selector, config, survey)
        if (!slowest || selector.rangeMs >= 2 * slowest.intervalMs) continue
        const window = formatDuration(selector.rangeMs)
        const needed = formatDuration(2 * slowest.intervalMs)
        yield {
          where: rule.place,
          message: `${rule.name}: the window of ${call.name}(${selector.metric ?? ''}[${window}]) is under twice the scrape interval`,
          evidence: `job ${slowest.name} is scraped every ${formatDuration(slowest.intervalMs)}: ${window} hold ${Math.ceil(selector.rangeMs / slowest.intervalMs)} samples at most, two are needed at every time (${needed} or more, 4 times the interval to outlive a failed scrape)`,
        }
      }
    }
  },
}

/** Of the jobs that can have the series; when that is not known, the quickest one, so that nobody is blamed wrongly. */
function slowestJob(
  selector: SelectorExpression,
  config: PrometheusConfig,
  survey: Survey | undefined,
): { name: string; intervalMs: number } | undefined {
  const exposing = selector.metric === undefined ? undefined : survey?.metrics[selector.metric]?.labels.job
  const ofJob = selector.matchers.filter(({ name }) => name === 'job')
  const jobs = config.jobs
    .filter(({ name, targets }) => targets.length > 0 && matches({ job: name }, ofJob) !== false)
    .filter(({ name }) => exposing === undefined || exposing.includes(name))
    .map(({ name, targets }) => ({ name, intervalMs: Math.max(...targets.map(({ intervalMs }) => intervalMs)) }))
    .sort((a, b) => a.intervalMs - b.intervalMs)
  return exposing === undefined && ofJob.length === 0 ? jobs[0] : jobs.at(-1)
}
