/** A part of the drills of a run, so that several machines share it. */
import { InvalidArgumentError } from 'commander'

export interface Shard {
  /** From 1. */
  readonly index: number
  readonly count: number
}

/** @param text for example `2/5` */
export function parseShard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text)
  const index = Number(match?.[1])
  const count = Number(match?.[2])
  if (!match || count < 1 || index < 1 || index > count) {
    throw new InvalidArgumentError('Write it as i/n with i from 1 to n, for example 2/5.')
  }
  return { index, count }
}

/** Every n-th drill: neighbours (a scenario and its twins) take about the same time, so the shards do, too. */
export function shardOf<Item>(items: readonly Item[], { index, count }: Shard): Item[] {
  return items.filter((_, i) => i % count === index - 1)
}

/**
 * The items of all shards in the order of the whole run.
 * @param shards in the order of their index
 */
export function unshard<Item>(shards: readonly (readonly Item[])[]): Item[] {
  const longest = Math.max(0, ...shards.map(({ length }) => length))
  const items: Item[] = []
  for (let i = 0; i < longest; i += 1) for (const shard of shards) if (i < shard.length) items.push(shard[i]!)
  return items
}
