/**
 * What a drill says about itself, for dashboards that show drills: the faults in force and the accounting of signals.
 * Virtual runs write them (reports, `run --push`), and the judge of `live`'s panels; no process exposes them to be scraped.
 */

import type { Labels, SeriesSamples } from '../judge/judge.ts'
import type { Drill, DrillEvent } from '../scenario/scenario.ts'
import { canonicalLabels } from '../scrape/sample-log.ts'
import type { Accounting } from './drill-result.ts'

export const drillSeriesNames: readonly string[] = ['firedrill_fault_active', 'firedrill_signals_total']

/** As if scraped this often. */
export const drillSeriesIntervalMs = 15_000

interface Column {
  readonly labels: Labels
  readonly timesMs: number[]
  readonly values: number[]
  readonly stale: number[]
}

export class DrillSeries {
  readonly #drill: Drill
  #columns = new Map<string, Column>()
  #nextMs = 0

  constructor(drill: Drill) {
    this.#drill = drill
  }

  /** @param atMs since the start of the drill @param signals by name: metrics, logs, traces */
  recordSignals(atMs: number, signals: Readonly<Record<string, Accounting>>): void {
    for (const [signal, { generated, delivered, dropped, queued }] of Object.entries(signals)) {
      const add = (state: string, reason: string, value: number) => {
        const labels = { __name__: 'firedrill_signals_total', signal, state, ...(reason && { reason }) }
        this.#write(labels, atMs, value)
      }
      add('generated', '', generated)
      add('delivered', '', delivered)
      add('queued', '', queued)
      for (const [reason, count] of Object.entries(dropped)) add('dropped', reason, count)
    }
  }

  /** Samples up to and including this time, each once. */
  takeUntil(toMs: number): SeriesSamples[] {
    for (; this.#nextMs <= toMs; this.#nextMs += drillSeriesIntervalMs) {
      for (const event of this.#drill.events) this.#faultAt(event, this.#nextMs)
    }
    const batch = [...this.#columns.values()]
    this.#columns = new Map()
    return batch
  }

  /** 1 while the fault is in force; then the series ends. */
  #faultAt(event: DrillEvent, atMs: number): void {
    if (atMs < event.startMs) return
    const labels = {
      __name__: 'firedrill_fault_active',
      event: event.id,
      fault: event.fault,
      target: describeTarget(event.params.target),
    }
    if (atMs < event.endMs) this.#write(labels, atMs, 1)
    else if (atMs - drillSeriesIntervalMs < event.endMs) this.#write(labels, atMs, Number.NaN, true)
  }

  #write(labels: Labels, atMs: number, value: number, stale = false): void {
    const key = canonicalLabels(labels)
    const column = this.#columns.get(key) ?? { labels, timesMs: [], values: [], stale: [] }
    this.#columns.set(key, column)
    if (stale) column.stale.push(column.timesMs.length)
    column.timesMs.push(this.#drill.startMs + atMs)
    column.values.push(value)
  }
}

/** @returns for example `service=data-pipeline topic=interactions` */
function describeTarget(target: unknown): string {
  if (typeof target !== 'object' || target === null) return ''
  return Object.entries(target)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('+') : String(value)}`)
    .join(' ')
}
