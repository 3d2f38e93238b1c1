/**
 * The ids of the request that is being worked on, carried by AsyncLocalStorage: what a log line says of its request
 * without anybody handing it on. Services of the platform hand their context on (`context` of the ports); this is for
 * code that can't, such as a library that logs.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { context, type SpanContext, trace } from '@opentelemetry/api'

export interface RequestFields {
  requestId?: string
  tenantId?: string
  userId?: string
  /** 32 hexadecimal digits. */
  traceId?: string
  /** The active span; its ids stand on each line. */
  span?: { readonly traceId: string; readonly spanId: string } | undefined
}

const storage = new AsyncLocalStorage<RequestFields>()
let followed = false

/**
 * From now on requests of this process are followed. Only a process that asks for it pays: on Node 20 every promise costs
 * more once a store is in use, and a virtual world makes millions.
 */
export function followRequests(): void {
  followed = true
}

export function requestsAreFollowed(): boolean {
  return followed
}

/** Runs with these fields; what `run` starts has them as well, also after it has returned. */
export function runWithRequestContext<T>(fields: RequestFields, run: () => T): T {
  return storage.run(fields, run)
}

/** Adds to the fields of the request that is being worked on. Outside of one, of what this flow does from here on. */
export function setRequestContext(fields: RequestFields): void {
  const current = storage.getStore()
  if (current) Object.assign(current, fields)
  else storage.enterWith({ ...fields })
}

/** @returns undefined outside of a request */
export function currentRequestFields(): RequestFields | undefined {
  return storage.getStore()
}

/** The span that OpenTelemetry calls active, whoever started it; undefined where no context manager is set up. */
export function activeSpan(): SpanContext | undefined {
  return trace.getSpanContext(context.active())
}
