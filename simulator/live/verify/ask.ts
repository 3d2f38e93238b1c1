/** Asks the HTTP interfaces of the servers, and measures how long they take. */
import { Unanswered } from './check.ts'

const timeoutMs = 15_000

export interface Timed<Answer> {
  readonly answer: Answer
  readonly ms: number
}

/** @throws Unanswered with what the server said */
export async function askJson<Answer>(url: string, parameters: Record<string, string> = {}): Promise<Timed<Answer>> {
  const query = new URLSearchParams(parameters).toString()
  const address = query === '' ? url : `${url}?${query}`
  const startedMs = performance.now()
  let text: string
  let response: Response
  try {
    response = await fetch(address, { signal: AbortSignal.timeout(timeoutMs) })
    text = await response.text()
  } catch (error) {
    const { message, cause } = error as Error
    throw new Unanswered(`${url}: ${(cause as Error | undefined)?.message ?? message}`)
  }
  const ms = performance.now() - startedMs
  if (!response.ok) throw new Unanswered(`${url}: ${response.status} ${text.trim().slice(0, 200)}`)
  try {
    return { answer: JSON.parse(text) as Answer, ms }
  } catch {
    throw new Unanswered(`${url}: the answer is no JSON: ${text.slice(0, 80)}`)
  }
}

/** Asks again until there is an answer. @returns undefined when there is none in time */
export async function eventually<Answer>(
  ask: () => Promise<Answer | undefined>,
  { withinMs, everyMs = 500 }: { readonly withinMs: number; readonly everyMs?: number },
): Promise<Answer | undefined> {
  const endMs = performance.now() + withinMs
  for (;;) {
    const answer = await ask().catch((error: unknown) => {
      if (error instanceof Unanswered) return undefined
      throw error
    })
    if (answer !== undefined || performance.now() > endMs) return answer
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

export interface PrometheusAnswer {
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[]
  }
}

/** The value of an instant query that gives one series; undefined without any. */
export async function askValue(prometheus: string, query: string): Promise<number | undefined> {
  const { answer } = await askJson<PrometheusAnswer>(`${prometheus}/api/v1/query`, { query })
  const value = answer.data.result[0]?.value[1]
  return value === undefined ? undefined : Number(value)
}
