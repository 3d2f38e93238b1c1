/** What a team takes home: `import { ... } from 'firedrill/telemetry'` in a service of its own. See docs/add-a-service.md. */
export * from '../telemetry/exemplars.ts'
export * from '../telemetry/logging.ts'
export * from '../telemetry/metrics.ts'
export * from '../telemetry/operation-tracers.ts'
export { overflowValue } from '../telemetry/series-guard.ts'
export {
  createTracer,
  extractContext,
  type FunctionSpanOptions,
  injectContext,
  parseTraceparent,
  runInSpan,
  runWithActiveSpan,
  type Span,
  SpanKind,
  type SpanOptions,
  setupTracing,
  type Tracer,
  type Tracing,
  type TracingOptions,
  traceFunction,
  traceparentOf,
  withSpan,
} from '../telemetry/tracing.ts'
export { type FastifyTelemetryOptions, fastifyTelemetry } from './fastify-telemetry.ts'
export { registerTracing } from './register-tracing.ts'
export * from './start-telemetry.ts'
export { EnvironmentError, readTelemetryEnvironment } from './telemetry-environment.ts'
