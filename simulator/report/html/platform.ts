/** The platform in words and as a small map, with what the drill breaks marked in it. */
import type { Drill, DrillEvent } from '../../scenario/scenario.ts'
import { type Content, html } from './markup.ts'

export const platformText = textOf('simulated in virtual time')
export const livePlatformText = textOf('as real processes')

function textOf(how: string): string {
  return (
    `A recommendation service for many customers (tenants), ${how}: backend-api takes the requests and asks ` +
    'ml-engine for recommendations; data-pipeline works through what users did, which arrives by Kafka. PostgreSQL keeps the ' +
    'data, Redis the cache. Prometheus scrapes all of them and evaluates the alert rules.'
  )
}

interface Box {
  readonly name: string
  readonly x: number
  readonly y: number
  readonly note: string
}

const boxes: readonly Box[] = [
  { name: 'clients', x: 8, y: 12, note: 'tenants' },
  { name: 'backend-api', x: 128, y: 12, note: 'requests' },
  { name: 'ml-engine', x: 248, y: 12, note: 'models' },
  { name: 'redis', x: 8, y: 84, note: 'cache' },
  { name: 'postgres', x: 128, y: 84, note: 'database' },
  { name: 'kafka', x: 248, y: 84, note: 'events' },
  { name: 'prometheus', x: 8, y: 156, note: 'alerts' },
  { name: 'hosts', x: 128, y: 156, note: 'containers, disks' },
  { name: 'data-pipeline', x: 248, y: 156, note: 'consumers, ETL' },
]
const [width, height] = [104, 40]

const lines = [
  ['clients', 'backend-api'],
  ['backend-api', 'ml-engine'],
  ['backend-api', 'redis'],
  ['backend-api', 'postgres'],
  ['backend-api', 'kafka'],
  ['ml-engine', 'postgres'],
  ['kafka', 'data-pipeline'],
  ['data-pipeline', 'postgres'],
] as const

export function platformMap(drill: Pick<Drill, 'events'>): Content {
  const broken = brokenBoxes(drill.events)
  const links = brokenLinks(drill.events)
  const at = (name: string) => boxes.find((box) => box.name === name)
  const label =
    broken.size > 0
      ? `Map of the platform; broken: ${[...broken].join(', ')}`
      : 'Map of the platform; nothing is broken'
  return html`<svg class="map" viewBox="0 0 360 204" role="img" aria-label="${label}">${[...lines, ...links].map(
    ([from, to]) => {
      const [a, b] = [at(from!), at(to!)]
      if (!a || !b) return false
      const isBroken = links.some((ends) => ends.includes(from!) && ends.includes(to!))
      return html`<line class="${isBroken ? 'broken' : ''}" x1="${a.x + width / 2}" y1="${a.y + height / 2}" x2="${b.x + width / 2}" y2="${b.y + height / 2}"/>`
    },
  )}${boxes.map(({ name, x, y, note }) => {
    const isBroken = broken.has(name)
    return html`<g class="${isBroken ? 'broken' : ''}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="7"/><text x="${x + width / 2}" y="${y + 18}">${name}</text><text class="note" x="${x + width / 2}" y="${y + 32}">${isBroken ? 'broken here' : note}</text></g>`
  })}</svg>`
}

/** Faults whose target is not named in their parameters. */
const byFault: readonly (readonly [RegExp, string])[] = [
  [/^(consumer|etl)\./, 'data-pipeline'],
  [/^(training|embedding|model)\./, 'ml-engine'],
  [/^messages?\./, 'kafka'],
  [/^cache\./, 'redis'],
  [/^(disk|cpu|memory)\./, 'hosts'],
  [/^traffic\./, 'clients'],
]

function brokenBoxes(events: readonly DrillEvent[]): Set<string> {
  const names = new Set<string>()
  for (const { fault, params } of events) {
    if (/^link\./.test(fault)) continue
    const target = stringsOf(params.target).map((text) => text.replace(/-exporter$/, ''))
    const named = target.filter((text) => boxes.some(({ name }) => name === text))
    for (const name of named) names.add(name)
    const usual = byFault.find(([pattern]) => pattern.test(fault))?.[1]
    if (named.length === 0 && usual !== undefined) names.add(usual)
  }
  return names
}

function brokenLinks(events: readonly DrillEvent[]): (readonly string[])[] {
  return events.filter(({ fault }) => /^link\./.test(fault)).map(({ params }) => stringsOf(params.target))
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : []
}
