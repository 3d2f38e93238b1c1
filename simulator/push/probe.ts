/** Asks servers what they take before anything is sent: whether they are there, and how old a record may be. */
import snappy from 'snappyjs'
import { parse } from 'yaml'
import { remoteWriteHeaders } from '../sinks/remote-write-sink.ts'

export type ProbeResult =
  | {
      readonly reachable: true
      /** For people, for example `Prometheus 3.16.0`. */
      readonly what: string
      /** Unix time of the oldest record that is taken, milliseconds; undefined: as old as one likes, or not known. */
      readonly oldestMs: number | undefined
      /** Why nothing older is taken. */
      readonly because: string | undefined
    }
  | { readonly reachable: false; readonly problem: string; readonly hint: string }

const timeoutMs = 5_000
/** Without a window for late samples, a head takes what is not older than half of its two hours. */
const inOrderMs = 3_600_000

/** @param url base address of the server, for example `http://localhost:9090` */
export async function probePrometheus(url: string, send: typeof fetch = fetch): Promise<ProbeResult> {
  // An empty write request: changes nothing, and tells whether the receiver is switched on.
  const written = await ask(send, `${url}/api/v1/write`, {
    method: 'POST',
    headers: remoteWriteHeaders,
    body: snappy.compress(new Uint8Array(0)) as Uint8Array<ArrayBuffer>,
  })
  if ('problem' in written) return unreachable(written.problem, url)
  if (written.status === 404 || written.status === 405) {
    const hint = 'start it with --web.enable-remote-write-receiver'
    return unreachable(`the remote write receiver is off (${written.status})`, url, hint)
  }
  const version = await askJson<{ version?: string }>(send, `${url}/api/v1/status/buildinfo`)
  const head = await askJson<{ headStats?: { numSeries: number; maxTime: number } }>(send, `${url}/api/v1/status/tsdb`)
  const config = await askJson<{ yaml?: string }>(send, `${url}/api/v1/status/config`)
  // A Prometheus that was built without its release script has no version, but it answers.
  const what = version ? `Prometheus ${version.version ?? ''}`.trim() : 'a server that speaks remote write'
  const { numSeries = 0, maxTime = 0 } = head?.headStats ?? {}
  // An empty head takes samples of any time.
  if (numSeries === 0) return { reachable: true, what, oldestMs: undefined, because: undefined }
  const lateMs = lateWindowMs(config?.yaml)
  return {
    reachable: true,
    what,
    oldestMs: maxTime - Math.max(lateMs, inOrderMs),
    because:
      lateMs > 0
        ? `storage.tsdb.out_of_order_time_window is ${lateMs / 1000} s, counted from its newest sample`
        : 'it has newer samples already, and no storage.tsdb.out_of_order_time_window',
  }
}

/** @param url base address, for example `http://localhost:3100` */
export async function probeLoki(url: string, nowMs: number, send: typeof fetch = fetch): Promise<ProbeResult> {
  const ready = await ask(send, `${url}/ready`)
  if ('problem' in ready) return unreachable(ready.problem, url)
  if (ready.status >= 300)
    return unreachable(`it is not ready (${ready.status})`, url, 'it takes some seconds to start')
  const config = await ask(send, `${url}/config`)
  const limits = 'text' in config && config.status === 200 ? limitsOf(config.text) : undefined
  const ageMs = limits?.reject_old_samples === true ? durationMs(limits.reject_old_samples_max_age) : 0
  const version = await askJsonRaw<{ version?: string }>(send, `${url}/loki/api/v1/status/buildinfo`)
  return {
    reachable: true,
    what: `Loki${version?.version ? ` ${version.version}` : ''}`,
    oldestMs: ageMs > 0 ? nowMs - ageMs : undefined,
    because:
      ageMs > 0 ? `limits_config.reject_old_samples_max_age is ${limits!.reject_old_samples_max_age}` : undefined,
  }
}

/** @param url base address of an OTLP/HTTP receiver, for example `http://localhost:4318` */
export async function probeOtlp(url: string, send: typeof fetch = fetch): Promise<ProbeResult> {
  const answer = await ask(send, `${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"resourceSpans":[]}',
  })
  if ('problem' in answer) return unreachable(answer.problem, url)
  if (answer.status >= 300) {
    return unreachable(
      `it answers ${answer.status} to OTLP/HTTP as JSON`,
      url,
      'the port is 4318 as a rule, not 4317 or 16686',
    )
  }
  return { reachable: true, what: 'an OTLP receiver', oldestMs: undefined, because: undefined }
}

function unreachable(problem: string, url: string, hint = 'is the address right?'): ProbeResult {
  return { reachable: false, problem: `${url}: ${problem}`, hint }
}

type Answer = { readonly status: number; readonly text: string } | { readonly problem: string }

async function ask(send: typeof fetch, url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await send(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    const { cause, message } = error as { cause?: { code?: string; message?: string }; message: string }
    return { problem: `no answer (${cause?.code ?? cause?.message ?? message})` }
  }
}

/** `data` of an answer of the Prometheus API; undefined where another server does not have it. */
async function askJson<T>(send: typeof fetch, url: string): Promise<T | undefined> {
  return (await askJsonRaw<{ data?: T }>(send, url))?.data
}

async function askJsonRaw<T>(send: typeof fetch, url: string): Promise<T | undefined> {
  const answer = await ask(send, url)
  if ('problem' in answer || answer.status !== 200) return undefined
  try {
    return JSON.parse(answer.text) as T
  } catch {
    return undefined
  }
}

function lateWindowMs(yaml: string | undefined): number {
  if (yaml === undefined) return 0
  const config = parse(yaml) as { storage?: { tsdb?: { out_of_order_time_window?: string | number } } } | null
  return durationMs(config?.storage?.tsdb?.out_of_order_time_window)
}

function limitsOf(yaml: string): { reject_old_samples?: boolean; reject_old_samples_max_age?: string } | undefined {
  try {
    return (parse(yaml) as { limits_config?: ReturnType<typeof limitsOf> } | null)?.limits_config
  } catch {
    return undefined
  }
}

const unitMs = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

/** Durations as servers print them (`30d`, `168h`, `1w0h0m0s`). */
function durationMs(text: string | number | undefined): number {
  let sum = 0
  for (const [, count, unit] of String(text ?? '').matchAll(/(\d+)(ms|[wdhms])/g)) {
    sum += Number(count) * unitMs[unit as keyof typeof unitMs]
  }
  return sum
}
