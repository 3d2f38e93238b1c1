/** Telling log lines around a fault: kinds of lines that became more or fewer, and the first unusual lines themselves. */
import type { LogEvidence, LogKind, LogLine } from '../drill/drill-evidence.ts'
import type { Interval } from '../drill/drill-result.ts'
import type { LogRecord } from '../expectations/evidence.ts'
import type { Drill } from '../scenario/scenario.ts'

const kindsShown = 8
const linesShown = 12
/** Of one kind, so that one loud kind leaves room for others. */
const linesOfKind = 3

/** Reads all records once; memory does not grow with their number. */
export async function collectLogs(
  records: AsyncIterable<LogRecord>,
  { startMs, lengthMs, expect }: Pick<Drill, 'startMs' | 'lengthMs' | 'expect'>,
  [fromS, toS]: Interval,
): Promise<LogEvidence> {
  const counts = new Map<string, Counts>()
  const lines: LogLine[] = []
  const expected = new Set(expect.logs.map(({ event }) => event))
  for await (const record of records) {
    const atS = (Date.parse(String(record.timestamp)) - startMs) / 1000
    const [service, event, level] = [String(record.service), String(record.event ?? ''), String(record.level)]
    const key = JSON.stringify([service, event, level])
    const count = counts.get(key) ?? { service, event, level, before: 0, during: 0, after: 0, shown: 0 }
    counts.set(key, count)
    const when = atS < fromS ? 'before' : atS <= toS ? 'during' : 'after'
    count[when] += 1
    const isTelling = expected.has(event) || level === 'WARN' || level === 'ERROR' || level === 'FATAL'
    if (!isTelling || when !== 'during' || count.shown >= linesOfKind || lines.length >= linesShown) continue
    count.shown += 1
    lines.push(lineOf(record, { atS, service, event, level }))
  }
  const minutes = { before: fromS / 60, during: (toS - fromS) / 60, after: (lengthMs / 1000 - toS) / 60 }
  const kinds = [...counts.values()].map(({ shown: _, ...kind }) => perMinute(kind, minutes))
  return { kinds: kinds.filter(hasChanged).sort(byChange).slice(0, kindsShown), lines }
}

type Counts = { -readonly [Key in keyof LogKind]: LogKind[Key] } & { shown: number }

function perMinute(
  { before, during, after, ...kind }: LogKind,
  minutes: Pick<LogKind, 'before' | 'during' | 'after'>,
): LogKind {
  const rate = (count: number, length: number) => (length > 0 ? count / length : 0)
  return {
    ...kind,
    before: rate(before, minutes.before),
    during: rate(during, minutes.during),
    after: rate(after, minutes.after),
  }
}

/** By half or more, or loud only now. */
function hasChanged({ before, during }: LogKind): boolean {
  return Math.abs(during - before) >= 0.5 * Math.max(before, during) && Math.max(before, during) > 0
}

const weights: Readonly<Record<string, number>> = { FATAL: 1000, ERROR: 100, WARN: 10 }

function byChange(a: LogKind, b: LogKind): number {
  return changeOf(b) - changeOf(a) || (a.event < b.event ? -1 : 1) || (a.service < b.service ? -1 : 1)
}

function changeOf({ before, during, level }: LogKind): number {
  return Math.abs(Math.log((during + 0.05) / (before + 0.05))) * (weights[level] ?? 1)
}

const known = [
  'timestamp',
  'level',
  'service',
  'event',
  'message',
  'msg',
  'trace_id',
  'span_id',
  'pid',
  'hostname',
  'environment',
  'version',
]

function lineOf(
  record: LogRecord,
  { atS, service, event, level }: Pick<LogLine, 'atS' | 'service' | 'event' | 'level'>,
): LogLine {
  const fields = Object.entries(record)
    .filter(([name, value]) => !known.includes(name) && value !== null && value !== '')
    .map(([name, value]) => [name, shorten(typeof value === 'string' ? value : JSON.stringify(value))] as const)
  const message = shorten(String(record.message ?? record.msg ?? ''))
  const traceId = typeof record.trace_id === 'string' ? record.trace_id : ''
  return { atS, service, level, event, message, fields: fields.slice(0, 8), traceId }
}

function shorten(text: string): string {
  return text.length > 160 ? `${text.slice(0, 159)}…` : text
}
