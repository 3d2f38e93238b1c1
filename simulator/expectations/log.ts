/** Whether the log says what the scenario expects. */
import type { ExpectationResult } from '../drill/drill-result.ts'
import type { Drill, LogExpected } from '../scenario/scenario.ts'
import type { Evidence, LogRecord } from './evidence.ts'

export async function judgeLogs(drill: Drill, evidence: Evidence): Promise<ExpectationResult[]> {
  const expected = drill.expect.logs
  if (expected.length === 0) return []
  const counts = expected.map(() => 0)
  for await (const record of evidence.logs()) {
    expected.forEach((one, i) => {
      if (matches(record, one, drill.startMs)) counts[i]! += 1
    })
  }
  return expected.map((one, i) => judge(one, counts[i]!))
}

function judge(expected: LogExpected, count: number): ExpectationResult {
  const { service, event, level, during, atLeast, atMost } = expected
  const fields = Object.entries(expected.fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  const what = `log ${service ? `${service} ` : ''}${event}${level ? ` ${level}` : ''}${fields.join('')}${during ? ` during ${during}` : ''}`
  const wanted = atMost === undefined ? `at least ${atLeast}` : atMost === 0 ? 'none' : `${atLeast} to ${atMost}`
  const ok = count >= atLeast && (atMost === undefined || count <= atMost)
  return { what, ok, detail: ok ? lines(count) : `${lines(count)}, expected ${wanted}` }
}

function lines(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`
}

function matches(record: LogRecord, expected: LogExpected, startMs: number): boolean {
  if (record.event !== expected.event) return false
  if (expected.service !== undefined && record.service !== expected.service) return false
  if (expected.level !== undefined && record.level !== expected.level.toUpperCase()) return false
  if (expected.duringMs) {
    const atMs = Date.parse(String(record.timestamp)) - startMs
    if (atMs < expected.duringMs[0] || atMs > expected.duringMs[1]) return false
  }
  return Object.entries(expected.fields).every(([name, value]) => record[name] === value)
}
