/** Suite 1: Prometheus scrapes every target, and quickly. */
import { askJson, eventually, type PrometheusAnswer } from './ask.ts'
import { below, type Check, holds, type Stack } from './check.ts'

const scrapeMsMax = 100
/** The longest scrape interval, twice: time for every target to be scraped once. */
const firstScrapeMs = 60_000

interface Targets {
  readonly data: {
    readonly activeTargets: readonly {
      readonly labels: Record<string, string>
      readonly health: string
      readonly lastError: string
    }[]
  }
}

/** @param expected number of targets that prometheus.yml names */
export async function verifyMetrics({ prometheus }: Stack, expected: number): Promise<Check[]> {
  const read = async () => (await askJson<Targets>(`${prometheus}/api/v1/targets`)).answer.data.activeTargets
  await eventually(
    async () => {
      const targets = await read()
      return (targets.length >= expected && targets.every(({ health }) => health === 'up')) || undefined
    },
    { withinMs: firstScrapeMs, everyMs: 1_000 },
  )
  const targets = await read()
  const down = targets.filter(({ health }) => health !== 'up')
  const names = down.map(({ labels, lastError }) => `${labels.job}: ${lastError || 'not scraped yet'}`)
  const up = targets.length - down.length
  const query = 'quantile_over_time(0.5, scrape_duration_seconds[5m])'
  const { answer } = await askJson<PrometheusAnswer>(`${prometheus}/api/v1/query`, { query })
  const scrapes = answer.data.result
    .map(({ metric, value }) => ({ job: metric.job ?? '', ms: Number(value[1]) * 1000 }))
    .sort((a, b) => b.ms - a.ms)
  return [
    holds(
      up === expected && down.length === 0,
      'targets up',
      `${up} of ${expected}${names.length > 0 ? `; ${names.join('; ')}` : ''}`,
    ),
    ...scrapes.map(({ job, ms }) => below(`scrape of ${job}`, ms, scrapeMsMax, 'median')),
  ]
}
