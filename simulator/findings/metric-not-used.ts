/** Documented, exposed, stored, and looked at by nobody: either a panel is missing or the metric is a cost without a use. */
import type { FindingDefinition } from './finding.ts'
import { namesOfFamily, usedMetrics } from './metric-not-documented.ts'

export const metricNotUsed: FindingDefinition = {
  code: 'metric-not-used',
  severity: 'info',
  title: 'documented metrics that nothing uses',
  *inFiles(subject) {
    const { documentation } = subject
    if (!documentation || documentation.metrics.size === 0) return
    const used = new Set([...usedMetrics(subject).keys()].flatMap(namesOfFamily))
    const exposed = subject.survey && new Set(Object.keys(subject.survey.metrics).flatMap(namesOfFamily))
    // Documents have other names in code too; what nothing exposes is not a metric as far as anybody can tell.
    const unused = [...documentation.metrics].filter(([metric]) => !used.has(metric) && (exposed?.has(metric) ?? false))
    if (unused.length === 0) return
    const names = unused.map(([metric]) => metric)
    yield {
      where: unused[0]![1],
      message: `${names.length} documented ${names.length === 1 ? 'metric is' : 'metrics are'} used by no rule and no panel`,
      evidence: `of ${documentation.metrics.size} documented: ${names.slice(0, 12).join(', ')}${names.length > 12 ? ` and ${names.length - 12} more` : ''}`,
    }
  },
}
