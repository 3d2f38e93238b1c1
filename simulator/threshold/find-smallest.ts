/**
 * Finds by bisection the smallest cause that has a wanted outcome. It believes in nothing: a coarse grid first shows
 * whether more of the cause really means more of the outcome, and says so when it does not.
 */

export interface Search {
  /** Where the cause is nothing; may be the larger number. */
  readonly weak: number
  /** Where it is as strong as it may become. */
  readonly strong: number
  /** Width of the answer, relative to the distance between the two. */
  readonly tolerance: number
  /** The finest step in which the cause can be stated. */
  readonly step: number
  /** Probes at a time. */
  readonly parallel: number
  readonly probe: (value: number) => Promise<boolean>
  readonly onProgress?: (progress: SearchProgress) => void
}

export interface SearchProgress {
  readonly probes: number
  readonly weakest: number | undefined
  readonly strongest: number | undefined
}

export interface SearchResult {
  /** The weakest cause seen to have the outcome; undefined: none has. */
  readonly from: number | undefined
  /** The strongest below it seen not to have it; undefined: even nothing has it. */
  readonly below: number | undefined
  /** False: somewhere a stronger cause lacks the outcome that a weaker one has. */
  readonly monotone: boolean
  /** From weak to strong. */
  readonly probes: readonly { readonly value: number; readonly reached: boolean }[]
}

const gridPoints = 5

export async function findSmallest(search: Search): Promise<SearchResult> {
  const { weak, strong, step } = search
  const known = new Map<number, boolean>()
  const strength = (value: number) => (strong >= weak ? value - weak : weak - value)
  const sorted = () =>
    [...known].sort(([a], [b]) => strength(a) - strength(b)).map(([value, reached]) => ({ value, reached }))
  const ask = async (values: readonly number[]) => {
    const fresh = [...new Set(values)].filter((value) => !known.has(value))
    await Promise.all(
      fresh.map(async (value) => {
        known.set(value, await search.probe(value))
        search.onProgress?.({ probes: known.size, ...bracketOf(sorted()) })
      }),
    )
  }
  const round = (value: number) => cut(Math.round(value / step) * step)

  await ask(Array.from({ length: gridPoints }, (_, i) => round(weak + ((strong - weak) * i) / (gridPoints - 1))))
  for (;;) {
    const { weakest, strongest } = bracketOf(sorted())
    if (weakest === undefined || strongest === undefined) break
    const width = Math.abs(weakest - strongest)
    if (width <= Math.max(step, search.tolerance * Math.abs(strong - weak))) break
    const inside = Array.from({ length: search.parallel }, (_, i) =>
      round(strongest + ((weakest - strongest) * (i + 1)) / (search.parallel + 1)),
    ).filter((value) => value !== weakest && value !== strongest)
    if (inside.length === 0) break
    await ask(inside)
  }
  const probes = sorted()
  const { weakest, strongest } = bracketOf(probes)
  const first = probes.findIndex(({ reached }) => reached)
  return {
    from: weakest,
    below: strongest,
    monotone: first < 0 || probes.slice(first).every(({ reached }) => reached),
    probes,
  }
}

/** The weakest that reaches the outcome, and the strongest below it that does not. @param probes from weak to strong */
function bracketOf(probes: readonly { value: number; reached: boolean }[]) {
  const first = probes.findIndex(({ reached }) => reached)
  return { weakest: probes[first]?.value, strongest: first < 0 ? probes.at(-1)?.value : probes[first - 1]?.value }
}

/** Without the dust that binary fractions leave. */
function cut(value: number): number {
  return Number(value.toPrecision(10))
}
