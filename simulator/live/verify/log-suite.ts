/** Suite 3: the log lines of every service are in Loki, as the catalogue describes them, and are found quickly. */
import { countOf } from '../../count-text.ts'
import { serviceNames } from '../../faults/fault-targets.ts'
import { askJson, eventually } from './ask.ts'
import { below, type Check, holds, notJudged, type Stack } from './check.ts'

const queryMsMax = 5_000
/** A service writes its first line within this time: jobs begin, requests come. */
const firstLineMs = 60_000
const fields = ['timestamp', 'level', 'logger', 'message', 'service', 'module'] as const

interface Streams {
  readonly data: {
    readonly result: readonly {
      readonly stream: Record<string, string>
      readonly values: readonly (readonly [string, string])[]
    }[]
  }
}

export async function verifyLogs({ loki }: Stack): Promise<Check[]> {
  if (loki === undefined) return [notJudged('Loki', missing)]
  const checks: Check[] = []
  for (const service of serviceNames) {
    const query = `{service="${service}"}`
    const found = await eventually(
      async () => {
        const timed = await askLoki(loki, query)
        return timed.answer.data.result.length > 0 ? timed : undefined
      },
      { withinMs: firstLineMs },
    )
    if (!found) {
      checks.push(holds(false, `lines of ${service}`, `none within ${firstLineMs / 1000} s`))
      continue
    }
    const lines = found.answer.data.result.flatMap(({ values }) => values.map(([, line]) => line))
    const lacking = fields.filter((field) => lines.some((line) => !(field in parse(line))))
    const shape = lacking.length > 0 ? `lacks ${lacking.join(', ')}` : `all fields in ${countOf(lines.length, 'line')}`
    checks.push(holds(lacking.length === 0, `lines of ${service}`, shape))
    checks.push(below(`query ${query}`, found.ms, queryMsMax))
  }
  return checks
}

export const missing = 'is not here: npm run real-stack builds it, or name the address of one'

export function askLoki(loki: string, query: string) {
  const nowMs = Date.now()
  const range = { start: `${nowMs - 600_000}000000`, end: `${nowMs + 1_000}000000`, limit: '100' }
  return askJson<Streams>(`${loki}/loki/api/v1/query_range`, { query, ...range })
}

function parse(line: string): object {
  try {
    return JSON.parse(line) as object
  } catch {
    return {}
  }
}
