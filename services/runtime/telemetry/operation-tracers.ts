/**
 * Spans of what most services do, with the names and attributes of the platform's catalogue: database queries, look-ups
 * in a cache, models. Each operation comes in two forms: `start...` takes the parent and leaves the end to the caller;
 * the other runs a function inside of the span, below the active one.
 */
import { type Span, SpanKind, type SpanOptions, type Tracer } from './tracing.ts'

export interface TracedQuery {
  /** `select`, `insert`, `update`, `delete`, or what the database calls it. */
  readonly operation: string
  /** Parametrised; literals that are in it all the same are left out of the span. */
  readonly statement: string
}

/** `db.<operation>` with `db.system` and `db.statement`. */
export class DatabaseTracer {
  readonly #tracer: Tracer
  readonly #system: string

  constructor(tracer: Tracer, system = 'postgresql') {
    this.#tracer = tracer
    this.#system = system
  }

  startQuery(query: TracedQuery, parent: Span | undefined): Span | undefined {
    return parent && this.#tracer.startChild(`db.${query.operation}`, parent, this.#options(query))
  }

  query<T>(query: TracedQuery, run: (span: Span) => T): T {
    return this.#tracer.withSpan(`db.${query.operation}`, run, this.#options(query))
  }

  #options({ statement }: TracedQuery): SpanOptions {
    return {
      kind: SpanKind.CLIENT,
      attributes: { 'db.system': this.#system, 'db.statement': withoutLiterals(statement) },
    }
  }
}

/** `cache.<operation>` with `cache.operation`, `cache.key` and, for look-ups that run inside, `cache.hit`. */
export class CacheTracer {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  startOperation(operation: string, key: string, parent: Span | undefined): Span | undefined {
    return parent && this.#tracer.startChild(`cache.${operation}`, parent, cacheOptions(operation, key))
  }

  /** @param run gives the value, or undefined (or null, as clients of Redis do) when there is none */
  get<T>(key: string, run: () => Promise<T>): Promise<T> {
    return this.#tracer.withSpan(
      'cache.get',
      async (span) => {
        const value = await run()
        span.setAttribute('cache.hit', value !== undefined && value !== null)
        return value
      },
      cacheOptions('get', key),
    )
  }

  operation<T>(operation: string, key: string, run: (span: Span) => T): T {
    return this.#tracer.withSpan(`cache.${operation}`, run, cacheOptions(operation, key))
  }
}

export interface TracedModel {
  readonly name: string
  /** For example `v12`. */
  readonly version: string
}

export interface TracedTraining {
  readonly model: string
  /** Rows of the data set. */
  readonly datasetSize: number
  readonly tenantId?: string
}

/** `ml.inference` and `ml.training`, the latter over one span for each stage. */
export class MLTracer {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  startInference(model: TracedModel, parent: Span | undefined): Span | undefined {
    return parent && this.#tracer.startChild('ml.inference', parent, inferenceOptions(model))
  }

  inference<T>(model: TracedModel, run: (span: Span) => T): T {
    return this.#tracer.withSpan('ml.inference', run, inferenceOptions(model))
  }

  startTraining(training: TracedTraining, traceId?: string): Span {
    return this.#tracer.startRoot('ml.training', traceId, trainingOptions(training))
  }

  training<T>(training: TracedTraining, run: (span: Span) => T): T {
    return this.#tracer.withSpan('ml.training', run, trainingOptions(training))
  }

  /** `data_loading`, `feature_engineering`, `model_training`, `model_evaluation`. */
  stage<T>(name: string, run: (span: Span) => T): T {
    return this.#tracer.withSpan(name, run)
  }
}

function cacheOptions(operation: string, key: string): SpanOptions {
  return { kind: SpanKind.CLIENT, attributes: { 'cache.operation': operation, 'cache.key': key } }
}

function inferenceOptions({ name, version }: TracedModel): SpanOptions {
  return { attributes: { 'ml.model.name': name, 'ml.model.version': version } }
}

function trainingOptions({ model, datasetSize, tenantId }: TracedTraining): SpanOptions {
  return {
    attributes: {
      'ml.model.name': model,
      'ml.dataset.size': datasetSize,
      ...(tenantId !== undefined && { 'tenant.id': tenantId }),
    },
  }
}

/** Quoted texts may be a customer's data, compared numbers are ids. Placeholders (`$1`, `:id`), names and limits stay. */
function withoutLiterals(statement: string): string {
  if (!/['=<>(,]/.test(statement)) return statement
  return statement.replaceAll(/'(?:[^']|'')*'/g, '?').replaceAll(/([=<>(,]\s*)\d+(\.\d+)?(?![\w.])/g, '$1?')
}
