/** Reads what a process shows under /metrics, for what the launcher itself wants to know. */

export interface ExposedValue {
  /** Name of the sample, `_bucket` and the like included. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const wallMsMax = 2_000

/** @throws Error when the process does not answer */
export async function readSamples(url: string): Promise<ExposedValue[]> {
  const response = await fetch(url, { signal: AbortSignal.timeout(wallMsMax) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return parseSamples(await response.text())
}

/** The lines of Prometheus's text format that our own processes and Prometheus write; comments are skipped. */
export function parseSamples(text: string): ExposedValue[] {
  const samples: ExposedValue[] = []
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    if (!match) continue
    const labels: Record<string, string> = {}
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name!] = value!.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
    }
    samples.push({ name: match[1]!, labels, value: Number(match[3]!.replace('+Inf', 'Infinity')) })
  }
  return samples
}
