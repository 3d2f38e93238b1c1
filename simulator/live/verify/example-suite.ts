/** Suite 6: the instrumentation examples run as their readers run them, and show metrics, log lines and spans. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, sep } from 'node:path'
import { packageRoot } from '../../package-root.ts'
import { freePorts } from '../ports.ts'
import { askJson, eventually } from './ask.ts'
import { type Check, failed, holds, notJudged, type Stack, Unanswered } from './check.ts'
import { missing } from './log-suite.ts'

const examples = ['ml-engine', 'backend-api', 'data-pipeline'] as const
const host = '127.0.0.1'
const readyMs = 60_000
const arriveMs = 30_000

interface Running {
  readonly name: string
  readonly url: string
  readonly child: ChildProcess
  readonly lines: string[]
}

export interface ExampleOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where spans are sent to, OTLP over HTTP. */
  readonly otlpUrl: string | undefined
}

export async function verifyExamples(
  { jaeger, loki }: Stack,
  { environment, otlpUrl }: ExampleOptions,
): Promise<Check[]> {
  const folder = join(packageRoot(), 'observability', 'examples')
  const absent = examples.filter((name) => !existsSync(join(folder, `${name}.ts`)))
  if (absent.length > 0) return [notJudged('examples', `${absent.join(', ')} are not here`)]
  const loader = typeScriptLoader(folder, process.versions.node)
  if (typeof loader === 'string') return [notJudged('examples', loader)]
  // They do not start without knowing where their spans go.
  if (jaeger === undefined || otlpUrl === undefined) return [notJudged('examples', `Jaeger ${missing}`)]
  const ports = await freePorts(host, examples)
  const urlOf = (name: string) => `http://${host}:${ports[name]}`
  const running = examples.map((name): Running => {
    const child = spawn(process.execPath, [...loader, join(folder, `${name}.ts`)], {
      cwd: packageRoot(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...environment,
        PORT: String(ports[name]),
        ML_ENGINE_URL: urlOf('ml-engine'),
        OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl,
        ...(loki !== undefined && { LOKI_URL: loki }),
      },
    })
    const lines: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)))
    child.stderr.resume()
    return { name, url: urlOf(name), child, lines }
  })
  const killAll = () => {
    for (const { child } of running) child.kill('SIGKILL')
  }
  process.on('exit', killAll)
  try {
    const checks: Check[] = []
    for (const one of running) checks.push(await answersAndExposes(one))
    await useThem(running)
    for (const one of running) checks.push(await logs(one))
    for (const one of running) checks.push(await traces(one, jaeger))
    return checks
  } finally {
    process.off('exit', killAll)
    killAll()
  }
}

/** @returns what Node.js needs to run TypeScript of this folder; a sentence where it can't */
export function typeScriptLoader(
  folder: string,
  version: string,
  resolve: (module: string) => string = createRequire(import.meta.url).resolve,
): string[] | string {
  try {
    resolve('tsx')
    return ['--import', 'tsx']
  } catch {
    // Node.js runs no TypeScript of packages: https://nodejs.org/api/typescript.html#type-stripping-in-dependencies
    if (folder.split(sep).includes('node_modules')) {
      return 'they are TypeScript, which Node.js runs in no installed package: npm install --save-dev tsx'
    }
    const [major, minor] = version.split('.').map(Number) as [number, number]
    if (major > 22 || (major === 22 && minor >= 18)) return []
    return 'they are TypeScript: tsx, or Node.js 22.18 or newer, runs them'
  }
}

async function answersAndExposes({ name, url, child }: Running): Promise<Check> {
  const text = await eventually(
    async () => {
      if (child.exitCode !== null) return ''
      return (await readText(`${url}/metrics`)) || undefined
    },
    { withinMs: readyMs },
  )
  const families = text?.match(/^# TYPE /gm)?.length ?? 0
  if (text === '') return failed(`${name}: metrics`, `it ended with exit code ${child.exitCode}`)
  return holds(families > 0, `${name}: metrics`, families > 0 ? `${families} metrics` : `no answer on ${url}/metrics`)
}

/** A request for each, so that there is something to log and to trace. */
async function useThem(running: readonly Running[]): Promise<void> {
  const urls = Object.fromEntries(running.map(({ name, url }) => [name, url]))
  const post = { method: 'POST', headers: { 'content-type': 'application/json' } }
  const sent = [
    fetch(`${urls['backend-api']}/recommendations/u1`, { headers: { 'x-tenant-id': 'verify' } }),
    fetch(`${urls['ml-engine']}/recommend`, { ...post, body: JSON.stringify({ userId: 'u1', k: 20 }) }),
    fetch(`${urls['data-pipeline']}/messages`, { ...post, body: JSON.stringify({ values: ['{"item":"i1"}'] }) }),
  ]
  await Promise.allSettled(sent)
}

async function logs({ name, lines }: Running): Promise<Check> {
  const parsed = await eventually(
    async () => {
      const own = lines.flatMap((line) => parse(line))
      return own.length > 0 ? own : undefined
    },
    { withinMs: arriveMs },
  )
  const what = `${name}: log lines`
  if (!parsed) return failed(what, 'none')
  const lacking = ['timestamp', 'level', 'message', 'service'].filter((field) => parsed.some((one) => !(field in one)))
  return holds(
    lacking.length === 0,
    what,
    lacking.length > 0 ? `lack ${lacking.join(', ')}` : `${parsed.length} in JSON`,
  )
}

async function traces({ name }: Running, jaeger: string): Promise<Check> {
  const service = `example-${name}`
  const found = await eventually(
    async () => {
      const { data } = (await askJson<{ data: readonly string[] | null }>(`${jaeger}/api/services`)).answer
      return data?.includes(service) || undefined
    },
    { withinMs: arriveMs },
  )
  return holds(found === true, `${name}: spans`, found ? `${service} is in Jaeger` : `Jaeger knows no ${service}`)
}

async function readText(url: string): Promise<string> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(2_000) })).text()
  } catch (error) {
    throw new Unanswered((error as Error).message)
  }
}

function parse(line: string): object[] {
  try {
    return [JSON.parse(line) as object]
  } catch {
    return []
  }
}
