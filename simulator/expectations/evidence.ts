/** What log and trace expectations look at; the captured signals of a drill are one source of it. */
import type { SpanRecord } from '../drill/span-record.ts'

export type LogRecord = Readonly<Record<string, unknown>>

export interface Evidence {
  /** All log records, oldest first. */
  logs(): AsyncIterable<LogRecord>
  /** All finished spans, in the order in which they ended. */
  spans(): AsyncIterable<SpanRecord>
}
