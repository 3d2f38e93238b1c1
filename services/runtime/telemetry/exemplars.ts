/**
 * Exemplars: for each bucket of a histogram the last traced request that fell into it, so that a spike in a panel leads to
 * a trace. prom-client's own would read the machine's clock, so they are kept beside its metrics.
 */

export interface Exemplar {
  readonly traceId: string
  readonly spanId: string
  readonly value: number
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number
}

type Labels = Readonly<Record<string, string | number>>

interface Kept {
  readonly bounds: readonly number[]
  readonly byBucket: Map<string, Exemplar>
}

const kept = new WeakMap<object, Kept>()
/** Label sets of a metric times its buckets are bounded by the guard; this bounds what a registry without one keeps. */
const exemplarsMax = 10_000

/** Call it with what was observed, only for requests that are traced. */
export function rememberExemplar(
  histogram: object,
  labels: Labels,
  value: number,
  span: { readonly traceId: string; readonly spanId: string },
  atMs: number,
): void {
  let own = kept.get(histogram)
  if (!own) {
    own = { bounds: (histogram as { upperBounds?: readonly number[] }).upperBounds ?? [], byBucket: new Map() }
    kept.set(histogram, own)
  }
  const bound = own.bounds.find((upper) => value <= upper) ?? Number.POSITIVE_INFINITY
  const key = keyOf(labels, bound)
  if (own.byBucket.size >= exemplarsMax && !own.byBucket.has(key)) return
  own.byBucket.set(key, { traceId: span.traceId, spanId: span.spanId, value, atMs })
}

/** @param labels of a `_bucket` sample, with `le` */
export function exemplarOf(histogram: object | undefined, labels: Labels): Exemplar | undefined {
  const own = histogram && kept.get(histogram)
  if (!own) return undefined
  const { le, ...others } = labels
  return own.byBucket.get(keyOf(others, le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)))
}

function keyOf(labels: Labels, bound: number): string {
  const parts = Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
  return `${bound}\u0000${parts.join('\u0000')}`
}
