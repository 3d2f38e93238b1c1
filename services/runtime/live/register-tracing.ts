/**
 * Makes the tracing of a process the one that OpenTelemetry's API knows: the active span is carried by
 * AsyncLocalStorage, and libraries that bring their own instrumentation write their spans to the same place.
 */
import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { Tracing } from '../telemetry/tracing.ts'

/** The last one that is registered counts. */
export function registerTracing({ provider }: Pick<Tracing, 'provider'>): void {
  unregisterTracing()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
}

export function unregisterTracing(): void {
  trace.disable()
  propagation.disable()
  context.disable()
}
