/**
 * Finds how large a cause must be for a read-out to reach a target: the number of a twin that stays just below a threshold,
 * say. The read-out is only looked at, never set. Where a larger cause does not mean more of it, the answer says so.
 */
import type { Knob } from './knobs.ts'

export interface KnobSearch {
  readonly knob: Pick<Knob, 'nothing' | 'current' | 'most' | 'step'>
  readonly target: number
  /** Share of the target. */
  readonly tolerance: number
  /** Probes at a time. */
  readonly parallel: number
  /** Undefined: there is no value to read. */
  readonly read: (value: number) => Promise<number | undefined>
  readonly onProgress?: (probes: number) => void
}

export interface SolvedKnob {
  /** What the value as it stands reads; null: nothing. */
  readonly now: number | null
  /** Whether that is near enough to the target. */
  readonly isRight: boolean
  /** The value whose read-out comes nearest to the target; null when it is never within the tolerance. */
  readonly value: number | null
  readonly readOut: number | null
  /** False: between nothing and the most that was tried, the read-out turns round. */
  readonly monotone: boolean
  /** From nothing to the strongest. */
  readonly probes: readonly { readonly value: number; readonly readOut: number | null }[]
}

const gridPoints = 5
const roundsMax = 12

export async function solveKnob(search: KnobSearch): Promise<SolvedKnob> {
  const { knob, target, parallel } = search
  const known = new Map<number, number | undefined>()
  const ask = async (values: readonly number[]) => {
    const fresh = [...new Set(values.map((value) => rounded(value, knob.step)))].filter((value) => !known.has(value))
    for (const value of fresh) known.set(value, undefined)
    await Promise.all(
      fresh.map(async (value) => {
        known.set(value, await search.read(value))
        search.onProgress?.(known.size)
      }),
    )
  }
  const isNear = (readOut: number | undefined) =>
    readOut !== undefined && Math.abs(readOut - target) <= search.tolerance * Math.abs(target)

  const current = rounded(knob.current, knob.step)
  await ask([current])
  const now = known.get(current)
  if (!isNear(now)) {
    await ask(between(knob.nothing, knob.current, gridPoints))
    for (let strong = knob.current; !bracketOf(known, target) && strong !== knob.most; ) {
      strong = towards(knob.nothing + (strong - knob.nothing) * 2, knob)
      await ask([strong])
    }
    for (let round = 0; round < roundsMax && ![...known.values()].some(isNear); round += 1) {
      const bracket = bracketOf(known, target)
      const before = known.size
      if (bracket) await ask(between(bracket[0], bracket[1], parallel + 2))
      if (known.size === before) break
    }
  }
  const probes = [...known].map(([value, readOut]) => ({ value, readOut: readOut ?? null }))
  probes.sort((a, b) => Math.abs(a.value - knob.nothing) - Math.abs(b.value - knob.nothing))
  const read = probes.flatMap(({ value, readOut }) => (readOut === null ? [] : [{ value, readOut }]))
  const [nearest] = [...read].sort((a, b) => Math.abs(a.readOut - target) - Math.abs(b.readOut - target))
  const found = nearest && isNear(nearest.readOut) ? nearest : undefined
  return {
    now: now ?? null,
    isRight: isNear(now),
    value: found?.value ?? null,
    readOut: found?.readOut ?? null,
    monotone: isMonotone(read.map(({ readOut }) => readOut)),
    probes,
  }
}

/** The two neighbouring values whose read-outs have the target between them; the weakest such pair. */
function bracketOf(known: ReadonlyMap<number, number | undefined>, target: number): [number, number] | undefined {
  const sorted = [...known].sort(([a], [b]) => a - b)
  for (const [i, [value, readOut]] of sorted.entries()) {
    const next = sorted[i + 1]
    if (readOut === undefined || next?.[1] === undefined) continue
    if (readOut <= target !== next[1] <= target) return [value, next[0]]
  }
  return undefined
}

function isMonotone(values: readonly number[]): boolean {
  const pairs = values.slice(1).map((value, i) => value - values[i]!)
  return pairs.every((step) => step >= 0) || pairs.every((step) => step <= 0)
}

function between(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))
}

/** Not past the most that the fault takes. */
function towards(value: number, { nothing, most }: KnobSearch['knob']): number {
  return most >= nothing ? Math.min(value, most) : Math.max(value, most)
}

/** In steps of the knob, without the dust that binary fractions leave. */
function rounded(value: number, step: number): number {
  return Number((Math.round(value / step) * step).toPrecision(10))
}
