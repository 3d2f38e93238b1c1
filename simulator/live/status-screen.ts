/** One screen about a running platform: parts, load, faults, alerts. Data in, lines out. */
import { formatDuration } from '../expectations/clock-text.ts'
import type { Paint } from '../report/terminal.ts'
import type { ListedFault } from './fault-board.ts'

export interface PlatformStatus {
  readonly title: string
  readonly speed: number
  /** Since the start, milliseconds of the platform. */
  readonly elapsedMs: number
  readonly parts: readonly PartStatus[]
  /** Undefined while it can't be read. */
  readonly load: LoadStatus | undefined
  readonly faults: readonly ListedFault[]
  /** Undefined: no Prometheus runs along. */
  readonly alerts: readonly AlertStatus[] | undefined
  readonly links: readonly string[]
  /** What was left out or stood in for. */
  readonly notes: readonly string[]
}

export interface PartStatus {
  readonly name: string
  readonly address: string
  readonly state: 'up' | 'down' | 'hangs'
  /** Restarts so far. */
  readonly restarts: number
}

export interface LoadStatus {
  readonly requestsPerSecond: number
  /** Share of the answers, 0 to 1; 0 without any. */
  readonly failed: number
  readonly p95S: number | undefined
  readonly lag: number
}

export interface AlertStatus {
  readonly name: string
  readonly state: 'pending' | 'firing'
  readonly labels: string
}

/** @param width in characters; longer lines are cut by whoever shows them */
export function statusScreen(status: PlatformStatus, paint: Paint, width: number): string[] {
  const { title, speed, elapsedMs, parts, load, faults, alerts, links, notes } = status
  const pace = speed === 1 ? 'real time' : `${speed} times real time`
  return [
    paint.bold(title),
    `${formatDuration(Math.floor(elapsedMs / 1000) * 1000)} at ${pace}`,
    '',
    ...partLines(parts, paint, width),
    '',
    load ? loadText(load) : paint.dim('load: backend-api does not answer'),
    '',
    faults.length === 0 ? 'faults: none' : `faults: ${faults.length}`,
    ...faults.map(({ id, fault, description }) => `  ${paint.yellow(id)}  ${fault}: ${description}`),
    alerts === undefined ? 'alerts: no Prometheus runs along' : alerts.length === 0 ? 'alerts: none' : 'alerts:',
    ...(alerts ?? []).map(({ name, state, labels }) => {
      const shown = state === 'firing' ? paint.red('firing ') : paint.yellow('pending')
      return `  ${shown} ${name} ${labels}`
    }),
    '',
    ...links,
    ...notes.map((note) => paint.dim(`- ${note}`)),
    paint.dim('Ctrl-C ends it; twice: at once. In another terminal: firedrill fault inject'),
  ]
}

/** The same in one line, for a log. */
export function statusLine({ parts, load, faults, alerts }: PlatformStatus): string {
  const down = parts.filter(({ state }) => state !== 'up').map(({ name, state }) => `${name} ${state}`)
  const firing = alerts?.filter(({ state }) => state === 'firing').map(({ name }) => name)
  return [
    down.length === 0 ? `${parts.length} parts up` : down.join(', '),
    load && `${load.requestsPerSecond.toFixed(1)} requests/s, ${(load.failed * 100).toFixed(1)} % failed`,
    `${faults.length} faults`,
    firing && (firing.length === 0 ? 'no alert fires' : `firing: ${firing.join(', ')}`),
  ]
    .filter(Boolean)
    .join('; ')
}

/** Two beside each other, read downwards, where that fits; below each other where it does not. */
function partLines(parts: readonly PartStatus[], paint: Paint, width: number): string[] {
  const nameWidth = Math.max(...parts.map(({ name }) => name.length))
  const texts = parts.map(({ name, address, restarts }) =>
    `${name.padEnd(nameWidth)} ${address.padEnd(15)}${restarts > 0 ? ` ${restarts === 1 ? '1 restart' : `${restarts} restarts`}` : ''}`.trimEnd(),
  )
  const marked = (i: number, columnWidth = 0) => {
    const { state } = parts[i]!
    const mark = state === 'up' ? paint.green('up   ') : paint.red(state.padEnd(5))
    return `${mark} ${texts[i]!.padEnd(columnWidth)}`
  }
  const half = Math.ceil(parts.length / 2)
  const leftWidth = Math.max(...texts.slice(0, half).map(({ length }) => length))
  const rightWidth = Math.max(0, ...texts.slice(half).map(({ length }) => length))
  const markWidth = 6
  const gap = 3
  if (2 * markWidth + leftWidth + gap + rightWidth > width) return parts.map((_, i) => marked(i))
  return Array.from({ length: half }, (_, i) =>
    half + i < parts.length ? `${marked(i, leftWidth + gap)}${marked(half + i)}` : marked(i),
  )
}

function loadText({ requestsPerSecond, failed, p95S, lag }: LoadStatus): string {
  const parts = [
    `${requestsPerSecond.toFixed(1)} requests/s`,
    `${(failed * 100).toFixed(1)} % failed`,
    p95S === undefined ? 'p95 unknown' : `p95 ${Math.round(p95S * 1000)} ms`,
    `lag ${Math.round(lag)}`,
  ]
  return `load: ${parts.join(', ')}`
}
