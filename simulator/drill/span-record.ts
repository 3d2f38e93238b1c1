/** The shape of captured spans; the live services write the same. */
export { type SpanRecord, spanRecord } from '../../services/runtime/telemetry/span-record.ts'
