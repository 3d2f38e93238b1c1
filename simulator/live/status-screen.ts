/** One screen about a running platform: parts, load, faults, alerts. Data in, lines out. */
import wrapAnsi from 'wrap-ansi'
import { countOf } from '../count-text.ts'
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
  /** Undefined while the data pipeline does not answer. */
  readonly lag: number | undefined
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
    ...restartLine(parts),
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
    ...notes.flatMap((note) => folded(`- ${note}`, width)).map((line) => paint.dim(line)),
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
    countOf(faults.length, 'fault'),
    firing && (firing.length === 0 ? 'no alert fires' : `firing: ${firing.join(', ')}`),
  ]
    .filter(Boolean)
    .join('; ')
}

/** Two beside each other, read downwards, where that fits; below each other where it does not. */
function partLines(parts: readonly PartStatus[], paint: Paint, width: number): string[] {
  const nameWidth = Math.max(...parts.map(({ name }) => name.length))
  const texts = parts.map(({ name, address }) => `${name.padEnd(nameWidth)} ${address}`)
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

/** A line of its own: beside a part it would move all others when it comes. */
function restartLine(parts: readonly PartStatus[]): string[] {
  const restarted = parts.filter(({ restarts }) => restarts > 0).map(({ name, restarts }) => `${name} ${restarts}`)
  return restarted.length > 0 ? [`restarts: ${restarted.join(', ')}`] : []
}

/** Goes on below its own beginning. */
function folded(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(20, width - 2))
    .split('\n')
    .map((line, i) => (i === 0 ? line : `  ${line}`))
}

function loadText({ requestsPerSecond, failed, p95S, lag }: LoadStatus): string {
  const parts = [
    `${requestsPerSecond.toFixed(1)} requests/s`,
    `${(failed * 100).toFixed(1)} % failed`,
    p95S === undefined ? 'p95 unknown' : `p95 ${Math.round(p95S * 1000)} ms`,
    lag === undefined ? 'lag unknown' : `lag ${Math.round(lag)}`,
  ]
  return `load: ${parts.join(', ')}`
}
