/** The effects that faults have put at the fault points of services, and who is hit by them. */
import type { FaultEffect, FaultPoints, Rng } from './ports.ts'

/** What a fault puts at a fault point. */
export interface Injection {
  readonly service: string
  /** For example `route`, `consumer`, `training`. */
  readonly point: string
  /** The point's tags must equal these (a list: one of them). */
  readonly where: Readonly<Record<string, string | readonly string[]>>
  /** Share of the passes that are hit, 0 to 1. */
  readonly ratio: () => number
  /** How the hits are chosen: drawn at random, or spread evenly. */
  readonly spread: 'random' | 'even'
  readonly effect: () => FaultEffect
}

interface Entry extends Injection {
  readonly dice: Rng
  /** What is left over for `spread: even`: a hit each time it passes 1. */
  carry: number
}

export class FaultTable {
  readonly #entries = new Map<string, Entry[]>()
  readonly #rng: Rng
  #count = 0

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** @returns removes the injection */
  add(injection: Injection): () => void {
    const key = `${injection.service}/${injection.point}`
    this.#count += 1
    const entry: Entry = { ...injection, dice: this.#rng.fork(`${key}/${this.#count}`), carry: 0 }
    this.#entries.set(key, [...(this.#entries.get(key) ?? []), entry])
    return () => {
      const rest = this.#entries.get(key)!.filter((other) => other !== entry)
      if (rest.length > 0) this.#entries.set(key, rest)
      else this.#entries.delete(key)
    }
  }

  /** The fault points of one service. */
  pointsOf(service: string): FaultPoints {
    return {
      at: (point, tags) => {
        if (this.#entries.size === 0) return undefined
        const entries = this.#entries.get(`${service}/${point}`)
        return entries && this.#effectOf(entries, tags)
      },
    }
  }

  #effectOf(entries: readonly Entry[], tags: Readonly<Record<string, string>>): FaultEffect | undefined {
    let combined: FaultEffect | undefined
    for (const entry of entries) {
      if (matches(entry, tags) && isHit(entry)) combined = combined ? combine(combined, entry.effect()) : entry.effect()
    }
    return combined
  }
}

function matches(entry: Entry, tags: Readonly<Record<string, string>>): boolean {
  return Object.entries(entry.where).every(([name, wanted]) => {
    const value = tags[name]
    return value !== undefined && (typeof wanted === 'string' ? wanted === value : wanted.includes(value))
  })
}

function isHit(entry: Entry): boolean {
  const ratio = entry.ratio()
  if (entry.spread === 'random') return entry.dice.chance(ratio)
  entry.carry += ratio
  if (entry.carry < 1) return false
  entry.carry -= 1
  return true
}

/** Two faults at one point: waits add up, speeds and qualities multiply, the first error wins. */
function combine(first: FaultEffect, second: FaultEffect): FaultEffect {
  return {
    delayMs: (first.delayMs ?? 0) + (second.delayMs ?? 0),
    slowdown: (first.slowdown ?? 1) * (second.slowdown ?? 1),
    quality: (first.quality ?? 1) * (second.quality ?? 1),
    stall: first.stall === true || second.stall === true,
    ...((first.error ?? second.error) && { error: (first.error ?? second.error)! }),
  }
}
