/** A judge that is the real Prometheus of a live run: asked in the time of the drill, which is another one than the machine's. */
import { type Judge, JudgeError } from '../judge/judge.ts'
import { PrometheusApi } from '../judge/prometheus/prometheus-api.ts'
import { divideDurations } from './speed/divide-durations.ts'

/** The Prometheus of a live run. */
export interface LiveServer {
  readonly url: string
  readonly version: string
  readonly speed: number
  /** When the drill began, Unix milliseconds of the machine. */
  readonly zeroMs: number
  parseDuration(text: string): number
}

/**
 * Answers in the time of the drill. What is appended goes to the same server, which has the results of rules already.
 * @param startMs of the drill, Unix milliseconds of its scenario
 */
export function serverJudge({ url, version, speed, zeroMs, parseDuration }: LiveServer, startMs: number): Judge {
  const api = new PrometheusApi(async (path, init) => {
    try {
      return await fetch(url + path, { ...init, signal: AbortSignal.timeout(30_000) })
    } catch (error) {
      throw new JudgeError(`Prometheus does not answer: ${(error as Error).message}`)
    }
  })
  const toMachine = (ms: number) => Math.round(zeroMs + (ms - startMs) / speed)
  const rewritten = (expression: string) =>
    speed === 1 ? expression : divideDurations(expression, speed, parseDuration)
  const judge: Judge = {
    identity: { kind: 'prometheus', version },
    append: (batch) =>
      api.append(batch.map((series) => ({ ...series, timesMs: Array.from(series.timesMs, (ms) => toMachine(ms)) }))),
    async queryRange({ expression, startMs: fromMs, endMs, stepMs }) {
      // Whole milliseconds for each step, so that the n-th answer is the n-th question.
      const machineStepMs = Math.max(1, Math.round(stepMs / speed))
      const from = toMachine(fromMs)
      const steps = Math.floor((endMs - fromMs) / stepMs)
      const answer = await api.queryRange({
        expression: rewritten(expression),
        startMs: from,
        endMs: from + steps * machineStepMs,
        stepMs: machineStepMs,
      })
      return answer.map((series) => ({
        ...series,
        timesMs: series.timesMs.map((ms) => fromMs + Math.round((ms - from) / machineStepMs) * stepMs),
      }))
    },
    query: (expression, timeMs) => api.query(rewritten(expression), toMachine(timeMs)),
    series: (matcher, fromMs, toMs) => api.series(matcher, toMachine(fromMs), toMachine(toMs)),
    labelValues: (label, matcher, fromMs, toMs) => api.labelValues(label, matcher, toMachine(fromMs), toMachine(toMs)),
    renderText: () => Promise.reject(new Error('the server has rendered its texts')),
    forget: async () => {},
    fork: async () => judge,
    close: async () => {},
  }
  return judge
}
