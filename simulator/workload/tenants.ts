/** The tenants of a world: ids and names from seeded faker, users by rank, so that a few of them make most of the load. */
import type { Faker } from '@faker-js/faker'
// All languages together take 30 MB of each thread.
import { faker } from '@faker-js/faker/locale/en'
import type { Rng } from '../../services/runtime/ports.ts'
import type { Tenant } from '../../services/runtime/tenant.ts'
import type { World } from '../world/world-schema.ts'

/** The names belong to the world, not to the run: another seed breaks the same tenants. */
const nameSeed = 20_260_105

export interface NamedTenant extends Tenant {
  readonly name: string
}

/** Largest first; `rank` is the place, from 1. */
export function createTenants(world: World): NamedTenant[] {
  faker.seed(nameSeed)
  faker.setDefaultRefDate('2026-01-05T00:00:00Z')
  const taken = new Set<string>()
  const groups = [...world.tenants].sort((a, b) => b.weight - a.weight)
  const tenants: NamedTenant[] = []
  for (const group of groups) {
    for (let i = 0; i < group.count; i += 1) {
      const name = uniqueName(faker, taken)
      tenants.push({
        id: slug(name),
        name,
        plan: group.plan,
        rank: tenants.length + 1,
        users: group.users,
        items: group.items,
        weight: group.weight,
        requestsPerSecond: group.requestsPerSecond,
        burst: group.burst,
        status: group.status,
        quality: group.quality,
      })
    }
  }
  return tenants
}

function uniqueName(faker: Faker, taken: Set<string>): string {
  for (;;) {
    const name = faker.company.name()
    if (taken.has(slug(name))) continue
    taken.add(slug(name))
    return name
  }
}

function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

/**
 * Ranks by popularity: rank r is drawn in proportion to 1/r (Zipf). @returns draws a rank from 0 to count - 1
 */
export function createPopularity(count: number): (rng: Rng) => number {
  const cumulative = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1)
    cumulative[rank] = sum
  }
  return (rng) => {
    const wanted = rng.next() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
