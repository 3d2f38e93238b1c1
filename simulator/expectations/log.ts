/** Whether the log says what the scenario expects. */
import { countOf } from '../count-text.ts'
import type { ExpectationResult } from '../drill/drill-result.ts'
import type { Drill, LogExpected } from '../scenario/scenario.ts'
import { formatClock, formatDuration } from './clock-text.ts'
import type { Evidence, LogRecord } from './evidence.ts'

export async function judgeLogs(drill: Drill, evidence: Pick<Evidence, 'logs'>): Promise<ExpectationResult[]> {
  const expected = drill.expect.logs
  if (expected.length === 0) return []
  const seen = expected.map((): Seen => ({ count: 0, first: undefined, nearest: undefined }))
  for await (const record of evidence.logs()) {
    expected.forEach((one, i) => {
      if (record.event === one.event) look(seen[i]!, record, one, drill.startMs)
    })
  }
  return expected.map((one, i) => judge(one, seen[i]!))
}

/** What is kept of the lines with the event that an expectation names. */
interface Seen {
  count: number
  /** Milliseconds since the start of the drill. */
  first: number | undefined
  /** The line that nearly was one. */
  nearest: Miss | undefined
}

interface Miss {
  /** How many things differ, then how far away in time; less is nearer. */
  readonly distance: readonly [number, number]
  readonly text: string
}

function look(seen: Seen, record: LogRecord, expected: LogExpected, startMs: number): void {
  const atMs = Date.parse(String(record.timestamp)) - startMs
  const differences = differencesOf(record, expected, atMs)
  if (differences.length === 0) {
    seen.count += 1
    seen.first ??= atMs
    return
  }
  const away = expected.duringMs ? awayFrom(atMs, expected.duringMs) : 0
  const distance = [differences.length, away] as const
  const { nearest } = seen
  if (
    nearest &&
    (distance[0] > nearest.distance[0] || (distance[0] === nearest.distance[0] && away >= nearest.distance[1]))
  )
    return
  seen.nearest = { distance, text: `the closest, at ${formatClock(atMs / 1000)}, ${differences.join(' and ')}` }
}

function judge(expected: LogExpected, { count, first, nearest }: Seen): ExpectationResult {
  const { atLeast, atMost } = expected
  const what = describeLogExpected(expected)
  const wanted = atMost === undefined ? `at least ${atLeast}` : atMost === 0 ? 'none' : `${atLeast} to ${atMost}`
  const ok = count >= atLeast && (atMost === undefined || count <= atMost)
  if (ok) return { what, ok, detail: lines(count) }
  const detail = `${lines(count)}, expected ${wanted}`
  if (count >= atLeast) return { what, ok, detail: `${detail}; the first is at ${formatClock(first! / 1000)}` }
  const miss = nearest?.text ?? (count === 0 ? `no line of the whole drill has the event ${expected.event}` : '')
  return { what, ok, detail: miss ? `${detail}; ${miss}` : detail }
}

export function describeLogExpected({ service, event, level, during, fields }: LogExpected): string {
  const asked = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  return `log ${service ? `${service} ` : ''}${event}${level ? ` ${level}` : ''}${asked.join('')}${during ? ` during ${during}` : ''}`
}

function lines(count: number): string {
  return countOf(count, 'line')
}

/** In words that follow "the closest line". */
function differencesOf(record: LogRecord, expected: LogExpected, atMs: number): string[] {
  const { service, level, duringMs } = expected
  const differences: string[] = []
  if (service !== undefined && record.service !== service) differences.push(`is of ${String(record.service)}`)
  if (level !== undefined && record.level !== level.toUpperCase()) differences.push(`has level ${String(record.level)}`)
  if (duringMs && awayFrom(atMs, duringMs) > 0) {
    const side = atMs < duringMs[0] ? 'too early' : 'too late'
    differences.push(`is ${formatDuration(awayFrom(atMs, duringMs))} ${side}`)
  }
  for (const [name, value] of Object.entries(expected.fields)) {
    if (record[name] === value) continue
    differences.push(record[name] === undefined ? `has no ${name}` : `has ${name}=${JSON.stringify(record[name])}`)
  }
  return differences
}

function awayFrom(atMs: number, [fromMs, toMs]: readonly [number, number]): number {
  return atMs < fromMs ? fromMs - atMs : Math.max(0, atMs - toMs)
}
