/** Where a shipped dashboard departs from a rule of grafana/dashboard-linter, and why. A test fails on one that is not needed. */

export interface LintException {
  readonly rule: string
  readonly dashboard: string
  /** Title of the panel; all panels of the dashboard when left out. */
  readonly panel?: string
  readonly reason: string
}

const oneService =
  'A page about one service: its job is fixed in each query, and a variable would carry a foreign job along the links between pages.'
const replicas = 'What callers feel is the sum over all replicas.'
const containers =
  'cAdvisor carries its own job and instance: containers are chosen by their name, which is that of the job.'
const host = 'There is one host, scraped by its own job.'

export const lintExceptions: readonly LintException[] = [
  ...['api-performance', 'ml-engine', 'business-metrics', 'cost', 'slo'].flatMap((dashboard) => [
    { rule: 'template-job', dashboard, reason: oneService },
    { rule: 'template-instance', dashboard, reason: replicas },
    { rule: 'target-instance', dashboard, reason: replicas },
  ]),
  {
    rule: 'template-job',
    dashboard: 'firedrill',
    reason: 'Firedrill writes its series itself: they are scraped from nowhere and have no job.',
  },
  { rule: 'template-instance', dashboard: 'firedrill', reason: 'As its job.' },
  { rule: 'target-job', dashboard: 'firedrill', reason: 'As its job; alerts of all jobs belong to a drill.' },
  { rule: 'target-instance', dashboard: 'firedrill', reason: 'As its job; alerts of all instances belong to a drill.' },
  {
    rule: 'target-counter-agg',
    dashboard: 'firedrill',
    panel: 'Share dropped',
    reason: 'The balance of a whole drill: a rate would forget what was dropped before.',
  },
  {
    rule: 'target-counter-agg',
    dashboard: 'firedrill',
    panel: 'Accounting',
    reason: 'The sum of a whole drill must close.',
  },
  {
    rule: 'target-job',
    dashboard: 'slo',
    panel: 'Burn alerts firing',
    reason: 'The alerts carry the job of their expression.',
  },
  ...['CPU per service', 'Memory per service', 'Container metrics'].flatMap((panel) => [
    { rule: 'target-job', dashboard: 'system-health', panel, reason: containers },
    { rule: 'target-instance', dashboard: 'system-health', panel, reason: containers },
  ]),
  ...['Disk space', 'Disk I/O, bytes', 'Disk I/O, operations', 'Network in and out'].map((panel) => ({
    rule: 'target-instance',
    dashboard: 'system-health',
    panel,
    reason: host,
  })),
  ...['Kafka consumer lag', 'ETL failures, last hour', 'Records ingested by tenant'].map((panel) => ({
    rule: 'target-instance',
    dashboard: 'system-health',
    panel,
    reason: 'Partitions and jobs move between the instances of the data pipeline.',
  })),
  { rule: 'target-instance', dashboard: 'system-health', panel: 'Database and cache', reason: 'There is one of each.' },
  {
    rule: 'target-job',
    dashboard: 'system-health',
    panel: 'Alerts firing',
    reason: 'Alerts of all jobs, some of which have no job.',
  },
  { rule: 'target-instance', dashboard: 'system-health', panel: 'Alerts firing', reason: 'Alerts of all instances.' },
]
