/**
 * Seeded chance: one independent stream for each label (xoshiro128**, seeded through a 128 bit hash of seed and label).
 * Only whole-number arithmetic and exactly rounded operations, so every JavaScript engine draws the same.
 */
import { createHash } from 'node:crypto'
import type { LatencyProfile, Rng } from './ports.ts'

/** @param seed of the run; `label` names the purpose. */
export function createRng(seed: number, label = ''): Rng {
  return new LabelledStream(`${seed}/${label}`)
}

class LabelledStream implements Rng {
  readonly #path: string
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(path: string) {
    this.#path = path
    const seed = createHash('sha256').update(path).digest()
    this.#a = seed.readInt32LE(0)
    this.#b = seed.readInt32LE(4)
    this.#c = seed.readInt32LE(8)
    // All four words zero would stay zero for ever.
    this.#d = seed.readInt32LE(12) | 1
  }

  fork(label: string): Rng {
    return new LabelledStream(`${this.#path}/${label}`)
  }

  next(): number {
    return (this.#word() >>> 0) / 0x1_0000_0000
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  int(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!
  }

  exponential(): number {
    return exponentialQuantile(this.next())
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += hexWords[this.#word() & 0xffff]
    return text.slice(0, digits)
  }

  #word(): number {
    const product = Math.imul(this.#b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result
  }
}

const hexWords = Array.from({ length: 0x10000 }, (_, word) => word.toString(16).padStart(4, '0'))

/** The value of a latency profile at a share of the way, milliseconds rounded to whole microseconds. */
export function latencyAt(profile: LatencyProfile, share: number): number {
  const [from, to, lower, upper] =
    share < 0.5
      ? [0, 0.5, profile[0], profile[1]]
      : share < 0.9
        ? [0.5, 0.9, profile[1], profile[2]]
        : share < 0.99
          ? [0.9, 0.99, profile[2], profile[3]]
          : [0.99, 1, profile[3], profile[4]]
  return Math.round((lower + ((upper - lower) * (share - from)) / (to - from)) * 1000) / 1000
}

/** -ln(1 - share) from a table with straight lines between; `Math.log` differs between engines in its last digits. */
function exponentialQuantile(share: number): number {
  const position = share * exponentialSteps
  const index = Math.floor(position)
  const lower = exponentialTable[index]!
  return lower + (exponentialTable[index + 1]! - lower) * (position - index)
}

const exponentialSteps = 1024
const exponentialTable = buildExponentialTable()

function buildExponentialTable(): Float64Array {
  const table = new Float64Array(exponentialSteps + 1)
  for (let i = 0; i < exponentialSteps; i++) table[i] = -naturalLogarithm(1 - i / exponentialSteps)
  // The last step has no finite end; this one gives the whole table a mean of 1 to within a thousandth.
  table[exponentialSteps] = table[exponentialSteps - 1]! + 2
  return table
}

/** ln(x) for 0 < x <= 1 by halving and the series of the inverse hyperbolic tangent: +, -, *, / are exact everywhere. */
function naturalLogarithm(x: number): number {
  let halvings = 0
  let rest = x
  while (rest < 0.5) {
    rest *= 2
    halvings += 1
  }
  const z = (rest - 1) / (rest + 1)
  let power = z
  let sum = 0
  for (let n = 1; n < 60; n += 2) {
    sum += power / n
    power *= z * z
  }
  return 2 * sum - halvings * Math.LN2
}
