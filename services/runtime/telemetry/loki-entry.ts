/**
 * How a log line stands in Loki, the same for live processes and for virtual runs that are pushed. Labels are only
 * service, env and level, or streams would multiply; ids travel as structured metadata, where `| trace_id="..."` finds them.
 */

export interface LokiLabels {
  readonly service: string
  readonly env: string
  /** Lower-case, as Loki's own. */
  readonly level: string
}

export interface LokiEntry {
  readonly labels: LokiLabels
  /** When the line was written, milliseconds since the Unix epoch. */
  readonly timeMs: number
  readonly metadata: Readonly<Record<string, string>>
}

const metadataFields = ['request_id', 'tenant_id', 'user_id', 'trace_id', 'span_id'] as const

/** @param line one line as pino wrote it */
export function lokiEntryOf(line: string, environment: string): LokiEntry {
  const record = JSON.parse(line) as Record<string, unknown>
  return {
    labels: {
      service: String(record.service),
      env: environment,
      level: String(record.level).toLowerCase(),
    },
    timeMs: Date.parse(String(record.timestamp)),
    metadata: metadataOf(record),
  }
}

/** Loki takes text only. */
function metadataOf(record: Readonly<Record<string, unknown>>): Record<string, string> {
  const metadata: Record<string, string> = {}
  for (const name of metadataFields) {
    const value = record[name]
    if (typeof value === 'string' && value !== '') metadata[name] = value
  }
  return metadata
}
