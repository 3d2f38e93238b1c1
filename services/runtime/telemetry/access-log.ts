/** The three lines of a request, the same from the platform's own HTTP server and from the Fastify plugin. */
import type { Logger, RequestFields } from './logging.ts'

export interface AnsweredRequest {
  readonly method: string
  /** Templated, for example `/items/{id}`. */
  readonly endpoint: string
  readonly status: number
  /** Seconds. */
  readonly duration: number
}

export type AccessLog = ReturnType<typeof createAccessLog>

export function createAccessLog(log: Logger) {
  return {
    started(method: string, endpoint: string, context: RequestFields | undefined): void {
      log.info('request_started', `${method} ${endpoint} started`, { method, endpoint }, context)
    },
    completed({ method, endpoint, status, duration }: AnsweredRequest, context: RequestFields | undefined): void {
      const fields = { method, endpoint, status, duration }
      log.info('request_completed', `${method} ${endpoint} completed`, fields, context)
    },
    failed(
      { method, endpoint, status, duration }: AnsweredRequest,
      context: RequestFields | undefined,
      error: Error | undefined,
    ): void {
      const fields = { method, endpoint, status, duration }
      log.error('request_failed', `${method} ${endpoint} failed: ${error?.message}`, fields, context, error)
    },
  }
}
