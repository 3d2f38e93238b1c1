/**
 * Samples as OpenMetrics text for `promtool tsdb create-blocks-from openmetrics`, for servers that refuse old samples.
 * The format wants all samples of a metric together, and a drill gives them by time: each metric is collected in a file
 * of its own first, so that memory stays flat.
 */
import { appendFileSync, createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Labels, SeriesSamples } from '../judge/judge.ts'

export class OpenMetricsFile {
  readonly #file: string
  readonly #parts: string
  /** OpenMetrics has no stale markers. */
  staleLeftOut = 0
  samples = 0

  /** @param file the file to write; its folder is made */
  constructor(file: string, folder: string) {
    this.#file = file
    mkdirSync(folder, { recursive: true })
    this.#parts = mkdtempSync(join(folder, 'openmetrics-'))
  }

  append(batch: readonly SeriesSamples[]): void {
    for (const series of batch) {
      const { __name__: metric = '', ...labels } = series.labels
      const head = `${metric}${labelText(labels)} `
      const stale = new Set(series.stale)
      const lines: string[] = []
      for (let i = 0; i < series.timesMs.length; i += 1) {
        if (stale.has(i)) {
          this.staleLeftOut += 1
          continue
        }
        lines.push(`${head}${valueText(series.values[i]!)} ${series.timesMs[i]! / 1000}\n`)
      }
      this.samples += lines.length
      if (lines.length > 0) appendFileSync(join(this.#parts, `${metric}.txt`), lines.join(''))
    }
  }

  async finish(): Promise<void> {
    const target = await open(this.#file, 'w')
    try {
      for (const part of readdirSync(this.#parts).sort()) {
        for await (const chunk of createReadStream(join(this.#parts, part))) await target.write(chunk as Buffer)
      }
      await target.write('# EOF\n')
    } finally {
      await target.close()
      this.discard()
    }
  }

  discard(): void {
    rmSync(this.#parts, { recursive: true, force: true })
  }
}

function labelText(labels: Labels): string {
  const parts = Object.keys(labels)
    .sort()
    .map((name) => `${name}="${labels[name]!.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
  return parts.length > 0 ? `{${parts.join(',')}}` : ''
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
