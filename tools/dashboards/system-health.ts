/** System Health: is everything up, and does it have room to work? */
import { GraphTransform } from '@grafana/grafana-foundation-sdk/common'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { alertThreshold } from './alert-thresholds.ts'
import { buildPage, labelVariable } from './dashboard-page.ts'
import { diskDirections, networkDirections, services, states } from './palette.ts'
import {
  areas,
  fieldProperties,
  gauges,
  lines,
  stat,
  stateMapping,
  step,
  table,
  wrongAbove,
  wrongBelow,
} from './panels.ts'
import { instantQuery, logsLink, rangeQuery, tableQuery, tracesLink } from './queries.ts'

const target = 'job=~"$job", instance=~"$instance"'
/** Containers of the platform are named as the jobs that scrape them; control groups without a name are no containers. */
const container = 'name!="", name=~"$job"'
const host = 'job="node-exporter"'
/** The file systems that DiskSpaceLow looks at. */
const realFileSystem = `${host}, fstype!~"tmpfs|devtmpfs|ramfs|overlay|squashfs|erofs|iso9660"`

const upOrDown = stateMapping({ 0: { text: 'DOWN', color: states.alert }, 1: { text: 'UP', color: states.good } })
const downBelowOne = [step(null, states.alert), step(1, states.good)]

const cpuShare = `max by (name) (
  sum by (job, instance, id, name) (rate(container_cpu_usage_seconds_total{${container}}[$__rate_interval]))
    / on (job, instance, id, name)
  ((container_spec_cpu_quota{${container}} > 0) / container_spec_cpu_period{${container}})
)`
const memoryShare = `max by (name) (
  container_memory_usage_bytes{${container}} / (container_spec_memory_limit_bytes{${container}} > 0)
)`

export function systemHealth(): Dashboard {
  return buildPage({
    uid: 'system-health',
    title: 'System Health',
    description: 'Is everything up, and does it have room to work? Start here when a page says that something is down.',
    refresh: '15s',
    from: '1h',
    variables: [
      labelVariable('job', 'Job', 'label_values(up, job)', 'Services to show; containers are chosen by the same name'),
      labelVariable('instance', 'Instance', 'label_values(up{job=~"$job"}, instance)', 'Targets of these jobs'),
    ],
    rows: [
      {
        title: 'Is it up?',
        panels: [
          [serviceStatus(), 12, 6],
          [stores(), 6, 6],
          [alertsFiring(), 6, 6],
        ],
      },
      {
        title: 'Containers',
        panels: [
          [cpu(), 12, 9],
          [memory(), 12, 9],
          [containers(), 24, 10],
        ],
      },
      {
        title: 'Host',
        panels: [
          [diskSpace(), 6, 8],
          [diskBytes(), 6, 8],
          [diskOperations(), 6, 8],
          [network(), 6, 8],
        ],
      },
      {
        title: 'Data pipeline',
        panels: [
          [consumerLag(), 12, 8],
          [etlFailures(), 6, 8],
          [ingestion(), 6, 8],
        ],
      },
    ],
  })
}

function serviceStatus() {
  return stat({
    title: 'Service status',
    what: 'Whether Prometheus could scrape each target at its last try: UP or DOWN.',
    why: 'A target that is DOWN is not known at all: every other panel about it is empty. ServiceDown pages after 1 minute for the five services the platform can not do without, PrometheusTargetDown tells after 5 minutes for the rest.',
    action:
      'Look whether the process runs and what it wrote last (click for its log), then follow docs/runbooks/service-down.md.',
    unit: 'none',
    thresholds: downBelowOne,
    mappings: upOrDown,
    targets: [instantQuery(`min by (job, instance) (up{${target}})`, '{{instance}}')],
    links: [logsLink('Log of ${__field.labels.job}', '{service="${__field.labels.job}"}')],
  }).noValue('no target')
}

function stores() {
  return stat({
    title: 'Database and cache',
    what: 'Whether the exporters reach PostgreSQL and Redis.',
    why: 'A server can be down while its exporter is up: then this says DOWN and the target above says UP. DatabaseDown and RedisDown page after 1 minute.',
    action:
      'Follow docs/runbooks/database-down.md or docs/runbooks/redis-down.md. No value: the exporter itself is gone.',
    unit: 'none',
    thresholds: downBelowOne,
    mappings: upOrDown,
    targets: [
      instantQuery('min by (instance) (pg_up{job="postgres"})', 'PostgreSQL'),
      instantQuery('min by (instance) (redis_up{job="redis"})', 'Redis'),
    ],
    links: [logsLink('Where the services missed it', '{service=~".+"} | json | event="dependency_unavailable"')],
  }).noValue('exporter down')
}

function alertsFiring() {
  return stat({
    title: 'Alerts firing',
    what: 'How many alerts fire now, all severities.',
    why: 'It tells at a glance whether this is one problem or many.',
    action: 'Open the Firedrill dashboard for a lane per alert; begin with the one that fired first.',
    unit: 'none',
    thresholds: [step(null, states.good), step(1, states.alert)],
    targets: [instantQuery('count(ALERTS{alertstate="firing"}) or vector(0)', 'firing')],
  })
}

function cpu() {
  return lines({
    title: 'CPU per service',
    what: 'CPU time that each container uses, as a share of its limit. Containers without a limit have no share and are in the table below.',
    why: `A container at its limit is throttled and everything it does takes longer. HighCPUUsage warns above ${percent('HighCPUUsage')} for 10 minutes.`,
    action:
      'Compare with the request rate: more load needs more replicas, the same load needs docs/runbooks/high-cpu-usage.md.',
    unit: 'percentunit',
    min: 0,
    thresholds: wrongAbove(alertThreshold('HighCPUUsage')),
    targets: [rangeQuery(cpuShare, '{{name}}')],
    colors: services,
    links: serviceLinks(),
  })
}

function memory() {
  return lines({
    title: 'Memory per service',
    what: 'Memory that each container uses, as a share of its limit.',
    why: `At 100 % the kernel kills the process. HighMemoryUsage warns above ${percent('HighMemoryUsage')} for 10 minutes. A saw tooth is a leak that ends in kills.`,
    action:
      'A line that only climbs is a leak: restart before it is killed, then follow docs/runbooks/high-memory-usage.md.',
    unit: 'percentunit',
    min: 0,
    thresholds: wrongAbove(alertThreshold('HighMemoryUsage')),
    targets: [rangeQuery(memoryShare, '{{name}}')],
    colors: services,
    links: serviceLinks(),
  })
}

function containers() {
  return table(
    {
      title: 'Container metrics',
      what: 'Every container: CPU in cores, memory and its limit (0: none), bytes per second over the network and to the disk.',
      why: 'It shows who takes what the host lacks, the containers without a limit included.',
      action: 'Sort by a column to find the largest consumer.',
      unit: 'short',
      targets: [
        tableQuery(`sum by (name) (rate(container_cpu_usage_seconds_total{${container}}[$__rate_interval]))`),
        tableQuery(`sum by (name) (container_memory_usage_bytes{${container}})`),
        tableQuery(`sum by (name) (container_spec_memory_limit_bytes{${container}})`),
        tableQuery(`sum by (name) (rate(container_network_receive_bytes_total{${container}}[$__rate_interval]))`),
        tableQuery(`sum by (name) (rate(container_network_transmit_bytes_total{${container}}[$__rate_interval]))`),
        tableQuery(`sum by (name) (rate(container_fs_reads_bytes_total{${container}}[$__rate_interval]))`),
        tableQuery(`sum by (name) (rate(container_fs_writes_bytes_total{${container}}[$__rate_interval]))`),
      ],
    },
    {
      name: 'Container',
      A: 'CPU, cores',
      B: 'Memory',
      C: 'Memory limit',
      D: 'Received',
      E: 'Sent',
      F: 'Read',
      G: 'Written',
    },
  )
    .overrideByName('CPU, cores', fieldProperties({ decimals: 2 }))
    .overrideByRegexp('/^Memory/', fieldProperties({ unit: 'bytes' }))
    .overrideByRegexp('/^(Received|Sent|Read|Written)$/', fieldProperties({ unit: 'Bps' }))
}

function diskSpace() {
  return gauges({
    title: 'Disk space',
    what: 'The share of each file system that is available, without those that live in memory.',
    why: `A full disk stops the database and every writer. DiskSpaceLow warns below ${percent('DiskSpaceLow')} for 5 minutes.`,
    action: 'Find what grows and make room: docs/runbooks/disk-space-low.md.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    thresholds: wrongBelow(alertThreshold('DiskSpaceLow')),
    targets: [
      instantQuery(
        `min by (mountpoint) (node_filesystem_avail_bytes{${realFileSystem}} / (node_filesystem_size_bytes{${realFileSystem}} > 0))`,
        '{{mountpoint}}',
      ),
    ],
  })
}

function diskBytes() {
  return areas({
    title: 'Disk I/O, bytes',
    what: 'Bytes per second that the disks read and write.',
    why: 'A disk at its limit makes the database slow long before anything fails.',
    action: 'Look in the table of containers who reads or writes.',
    unit: 'Bps',
    min: 0,
    targets: [
      rangeQuery(`sum(rate(node_disk_read_bytes_total{${host}}[$__rate_interval]))`, 'read'),
      rangeQuery(`sum(rate(node_disk_written_bytes_total{${host}}[$__rate_interval]))`, 'written'),
    ],
    colors: diskDirections,
  })
}

function diskOperations() {
  return areas({
    title: 'Disk I/O, operations',
    what: 'Reads and writes per second that the disks complete.',
    why: 'Many small operations fill a disk as well as many bytes do.',
    action: 'Many operations with few bytes: look for queries without an index and for writes that are not batched.',
    unit: 'iops',
    min: 0,
    targets: [
      rangeQuery(`sum(rate(node_disk_reads_completed_total{${host}}[$__rate_interval]))`, 'read'),
      rangeQuery(`sum(rate(node_disk_writes_completed_total{${host}}[$__rate_interval]))`, 'written'),
    ],
    colors: diskDirections,
  })
}

function network() {
  return lines({
    title: 'Network in and out',
    what: 'Bytes per second that the host receives (up) and sends (down).',
    why: 'Traffic that stops means that callers do not reach us; traffic without requests means that something else uses the line.',
    action: 'Compare with the request rate of API Performance.',
    unit: 'Bps',
    targets: [
      rangeQuery(`sum(rate(node_network_receive_bytes_total{${host}, device!="lo"}[$__rate_interval]))`, 'in'),
      rangeQuery(`sum(rate(node_network_transmit_bytes_total{${host}, device!="lo"}[$__rate_interval]))`, 'out'),
    ],
    colors: networkDirections,
  }).overrideByName('out', fieldProperties({ 'custom.transform': GraphTransform.NegativeY }))
}

function consumerLag() {
  const threshold = alertThreshold('DataPipelineProcessingLag')
  return lines({
    title: 'Kafka consumer lag',
    what: 'Messages that a consumer group has yet to process, for each partition.',
    why: `Recommendations and statistics are as old as this backlog. DataPipelineProcessingLag warns above ${threshold} for 10 minutes.`,
    action:
      'One partition alone: a poisoned message or an unlucky key. All of them: the consumer is slow or stopped. docs/runbooks/data-pipeline-processing-lag.md.',
    unit: 'short',
    min: 0,
    thresholds: wrongAbove(threshold),
    targets: [
      rangeQuery('max by (topic, partition) (kafka_consumer_lag{job="data-pipeline"})', '{{topic}}/{{partition}}'),
    ],
    links: [
      logsLink(
        'What the consumer says',
        '{service="data-pipeline"} | json | event=~"consumer_lag_high|message_rejected"',
      ),
      tracesLink('Traces of the consumer', { service: 'data-pipeline', operation: 'kafka.consume' }),
    ],
  })
}

function etlFailures() {
  return stat({
    title: 'ETL failures, last hour',
    what: 'Runs of each ETL job that failed in the last hour.',
    why: 'Its tables are as old as its last good run. ETLJobFailure warns at the first failure.',
    action: 'Open the log for the reason, then docs/runbooks/etl-job-failure.md.',
    unit: 'none',
    decimals: 0,
    thresholds: [step(null, states.good), step(1, states.alert)],
    targets: [
      instantQuery(
        'sum by (job_name) (round(increase(etl_job_failures_total{job="data-pipeline"}[1h])))',
        '{{job_name}}',
      ),
    ],
    links: [
      logsLink(
        'Failures of ${__field.labels.job_name}',
        '{service="data-pipeline", level="ERROR"} | json | event="etl_failed"',
      ),
      tracesLink('Failed runs', {
        service: 'data-pipeline',
        operation: 'etl.${__field.labels.job_name}',
        tags: 'error=true',
      }),
    ],
  })
}

function ingestion() {
  return areas({
    title: 'Records ingested by tenant',
    what: 'Records per second that the data pipeline has stored, for the chosen tenants.',
    why: 'It falls to nothing when consumers stop, and rises above the usual while they catch up.',
    action: 'Compare with the lag: no ingestion and growing lag means a stopped consumer.',
    unit: 'cps',
    min: 0,
    targets: [
      rangeQuery(
        'sum by (tenant_id) (rate(data_ingestion_records_total{job="data-pipeline", tenant_id=~"$tenant"}[$__rate_interval]))',
        '{{tenant_id}}',
      ),
    ],
  })
}

function serviceLinks() {
  return [
    logsLink('Log of ${__field.labels.name}', '{service="${__field.labels.name}"}'),
    tracesLink('Slow traces of ${__field.labels.name}', { service: '${__field.labels.name}', minDuration: '500ms' }),
  ]
}

function percent(alertname: string): string {
  return `${alertThreshold(alertname) * 100} %`
}
