/**
 * Loads the WebAssembly module that holds Prometheus's own packages (source in `go/`), and speaks to it: one function,
 * called with an operation, JSON and bytes. See `go/call.go` for the other side.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { packageRoot } from '../../package-root.ts'
import {
  defaultJudgeSettings,
  type InstantResult,
  JudgeError,
  type Labels,
  QueryError,
  type RangeSeries,
  type Sample,
  type SeriesSamples,
  TemplateError,
} from '../judge.ts'
import type {
  Engine,
  EngineStore,
  ExpressionFacts,
  KnownAnswers,
  ParsedGroup,
  Relabeler,
  RuleFileProblem,
} from './engine.ts'

/** What the committed module was built from. */
export interface EngineFacts {
  /** Release of Prometheus, for example `3.16.0`. */
  readonly prometheus: string
  readonly module: string
  readonly go: string
  /** Of the unpacked module. */
  readonly sha256: string
  readonly bytes: number
}

const folder = () => join(packageRoot(), 'simulator', 'judge', 'embedded')

export function engineFacts(): EngineFacts {
  return JSON.parse(readFileSync(join(folder(), 'engine.json'), 'utf8')) as EngineFacts
}

/** Unpacks and compiles the module. Takes about half a second; workers can share the result. */
export async function compileEngine(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(brotliDecompressSync(readFileSync(join(folder(), 'engine.wasm.br'))))
}

type Call = (operation: string, input: string, data: Uint8Array | undefined) => Answer
type Answer =
  | { json: string; data?: Uint8Array }
  | { kind: 'query' | 'limit' | 'template' | 'input' | 'internal'; error: string }

interface GoGlobals {
  Go: new () => GoRuntime
  __firedrillEngineReady?: (call: Call) => void
}

interface GoRuntime {
  readonly importObject: WebAssembly.Imports
  readonly _scheduledTimeouts: ReadonlyMap<number, NodeJS.Timeout>
  run(instance: WebAssembly.Instance): Promise<void>
}

/**
 * Starts an engine of its own (memory, stores) from the compiled module.
 * @param known what another engine has found out already, see `Engine.known`
 */
export async function startEngine(module: WebAssembly.Module, known?: KnownAnswers): Promise<Engine> {
  await import(pathToFileURL(join(folder(), 'wasm_exec.js')).href)
  const globals = globalThis as unknown as GoGlobals
  const go = new globals.Go()
  letProcessEnd(go)
  const instance = await WebAssembly.instantiate(module, go.importObject)
  let call: Call | undefined
  globals.__firedrillEngineReady = (ready) => {
    call = ready
  }
  // Runs up to the point where it waits for calls, and stays there.
  void go.run(instance)
  delete globals.__firedrillEngineReady
  if (!call) throw new Error('the engine did not start')
  return new WasmEngine(call, engineFacts().prometheus, instance.exports.mem as WebAssembly.Memory, known)
}

/** Timers of Go's own runtime would keep a program alive that has nothing else to do. */
function letProcessEnd(go: GoRuntime): void {
  const imports = go.importObject.gojs as Record<string, (stackPointer: number) => void>
  const schedule = imports['runtime.scheduleTimeoutEvent']!
  imports['runtime.scheduleTimeoutEvent'] = (stackPointer) => {
    schedule(stackPointer)
    for (const timer of go._scheduledTimeouts.values()) timer.unref()
  }
}

/** The module can't be called any more: whoever runs it needs another one. */
export class EngineLostError extends JudgeError {
  constructor(cause: string) {
    super(`the engine is lost: ${cause}`)
    this.name = 'EngineLostError'
  }
}

/** Answers that are kept. A platform has a few hundred expressions. */
const knownMax = 20_000

class WasmEngine implements Engine {
  readonly version: string
  readonly #call: Call
  readonly #memory: WebAssembly.Memory
  readonly #known: Map<string, string>
  /** Why the module can't be called any more. */
  #lost: string | undefined

  constructor(call: Call, version: string, memory: WebAssembly.Memory, known: KnownAnswers = new Map()) {
    this.#call = call
    this.version = version
    this.#memory = memory
    this.#known = new Map(known)
  }

  get known(): KnownAnswers {
    return this.#known
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength
  }

  /** @throws Error with Prometheus's message, of the kind that the operation names. @throws EngineLostError */
  call<T>(operation: string, input: unknown, data?: Uint8Array): { result: T; data: Uint8Array | undefined } {
    if (this.#lost !== undefined) throw new EngineLostError(this.#lost)
    let answer: Answer | undefined
    try {
      answer = this.#call(operation, JSON.stringify(input ?? null), data)
    } catch (error) {
      // No error of Go comes out this way: its stack or its memory is used up, and it stands in the middle of something.
      this.#lost = (error as Error).message
    }
    if (answer === undefined) throw new EngineLostError(this.#lost ?? 'it ended')
    if ('error' in answer) throw toError(answer, input)
    return { result: JSON.parse(answer.json) as T, data: answer.data }
  }

  /** Calls an operation whose answer depends on its input alone: asked once. A refusal is not kept. */
  #ask<T>(operation: string, input: unknown): T {
    const key = `${operation} ${JSON.stringify(input)}`
    let answer = this.#known.get(key)
    if (answer === undefined) {
      answer = JSON.stringify(this.call<T>(operation, input).result)
      // Whoever asks about ever new expressions would fill the memory.
      if (this.#known.size >= knownMax) this.#known.clear()
      this.#known.set(key, answer)
    }
    return JSON.parse(answer) as T
  }

  checkRules(fileText: string): readonly RuleFileProblem[] {
    return this.#ask<RuleFileProblem[]>('checkRules', fileText)
  }

  parseRules(fileText: string): readonly ParsedGroup[] {
    return this.#ask<ParsedGroup[]>('parseRules', fileText)
  }

  inspect(expression: string): ExpressionFacts {
    return this.#ask<ExpressionFacts>('inspect', expression)
  }

  matchesName(selector: string, names: readonly string[]): readonly string[] {
    return this.#ask<string[]>('matchesName', { selector, names })
  }

  parseDuration(text: string): number {
    return this.#ask<number>('parseDuration', text)
  }

  compileRelabel(configs: readonly unknown[]): Relabeler {
    const relabel = this.call<number>('relabel', configs).result
    return {
      apply: (labels) => {
        const { result } = this.call<{ labels: Labels } | { droppedBy: number }>('applyRelabel', { relabel, labels })
        return 'labels' in result ? result.labels : result
      },
    }
  }

  createStore(evaluationIntervalMs = defaultJudgeSettings.evaluationIntervalMs): EngineStore {
    return new WasmStore(this, this.call<number>('createStore', evaluationIntervalMs).result)
  }

  renderText(...[template, data, answers]: Parameters<Engine['renderText']>): ReturnType<Engine['renderText']> {
    const input = { ...data, template, value: valueText(data.value) }
    if (answers instanceof WasmStore) return this.#render({ ...input, store: answers.id })
    const told = [...((answers ?? new Map()) as ReadonlyMap<string, readonly Sample[]>)].map(
      ([expression, samples]) =>
        [expression, samples.map(({ labels, value }) => ({ labels, value: valueText(value) }))] as const,
    )
    return this.#render({ ...input, store: 0, answers: Object.fromEntries(told) })
  }

  #render(input: unknown): ReturnType<Engine['renderText']> {
    return this.call<{ text: string } | { needs: string }>('renderText', input).result
  }
}

/** JSON has neither NaN nor infinities. */
function valueText(value: number): string {
  return Number.isNaN(value) ? 'NaN' : String(value)
}

class WasmStore implements EngineStore {
  readonly id: number
  readonly #engine: WasmEngine
  readonly #references = new Map<string, number>()

  constructor(engine: WasmEngine, id: number) {
    this.#engine = engine
    this.id = id
  }

  append(batch: readonly SeriesSamples[]): void {
    const added: Labels[] = []
    const words = batch.reduce((sum, { timesMs }) => sum + 2 + 2 * timesMs.length, 0)
    const numbers = new Float64Array(words)
    // The bits of the stale marker are written as whole numbers: as a number it might become any other NaN.
    const bits = new BigUint64Array(numbers.buffer)
    let at = 0
    for (const { labels, timesMs, values, stale } of batch) {
      const count = timesMs.length
      numbers[at] = this.#reference(labels, added)
      numbers[at + 1] = count
      numbers.set(timesMs, at + 2)
      numbers.set(values, at + 2 + count)
      for (const position of stale) bits[at + 2 + count + position] = staleMarker
      at += 2 + 2 * count
    }
    this.#engine.call('append', { store: this.id, series: added }, new Uint8Array(numbers.buffer))
  }

  #reference(labels: Labels, added: Labels[]): number {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    let reference = this.#references.get(key)
    if (reference === undefined) {
      reference = this.#references.size
      this.#references.set(key, reference)
      added.push(labels)
    }
    return reference
  }

  queryRange(query: Parameters<EngineStore['queryRange']>[0]): readonly RangeSeries[] {
    const { result, data } = this.#engine.call<SeriesHead[]>('queryRange', { store: this.id, ...query })
    return decodeSeries(result, data)
  }

  query(expression: string, timeMs: number): InstantResult {
    const { result, data } = this.#engine.call<
      | { type: 'vector'; samples: Labels[] }
      | { type: 'scalar' }
      | { type: 'string'; value: string }
      | { type: 'matrix'; series: SeriesHead[] }
    >('query', { store: this.id, expression, startMs: timeMs })
    switch (result.type) {
      case 'string':
        return result
      case 'scalar':
        return { type: 'scalar', value: numbersOf(data)[0]! }
      case 'matrix':
        return { type: 'matrix', series: decodeSeries(result.series, data) }
      case 'vector': {
        const values = numbersOf(data)
        return { type: 'vector', samples: result.samples.map((labels, i) => ({ labels, value: values[i]! })) }
      }
    }
  }

  series(matcher: string, startMs: number, endMs: number): readonly Labels[] {
    return this.#engine.call<Labels[]>('series', { store: this.id, matcher, startMs, endMs }).result
  }

  labelValues(label: string, matcher: string | undefined, startMs: number, endMs: number): readonly string[] {
    const input = { store: this.id, label, matcher: matcher ?? '', startMs, endMs }
    return this.#engine.call<string[]>('labelValues', input).result
  }

  dropBefore(timeMs: number): void {
    this.#engine.call('dropBefore', { store: this.id, timeMs })
  }

  close(): void {
    this.#engine.call('closeStore', this.id)
  }
}

/** Prometheus model/value/value.go. */
const staleMarker = 0x7ff0_0000_0000_0002n

interface SeriesHead {
  readonly labels: Labels
  readonly count: number
}

function decodeSeries(heads: readonly SeriesHead[], data: Uint8Array | undefined): RangeSeries[] {
  const numbers = numbersOf(data)
  let at = 0
  return heads.map(({ labels, count }) => {
    const timesMs = Array.from(numbers.subarray(at, at + count))
    const values = Array.from(numbers.subarray(at + count, at + 2 * count))
    at += 2 * count
    return { labels, timesMs, values }
  })
}

function numbersOf(data: Uint8Array | undefined): Float64Array {
  return data ? new Float64Array(data.buffer, data.byteOffset, data.byteLength / 8) : new Float64Array()
}

function toError(answer: { kind: string; error: string }, input: unknown): Error {
  if (answer.kind === 'query' || answer.kind === 'limit') {
    const expression = typeof input === 'string' ? input : ((input as { expression?: string })?.expression ?? '')
    return new QueryError(expression, answer.error, answer.kind === 'limit')
  }
  if (answer.kind === 'template') return new TemplateError(answer.error)
  return new Error(answer.error)
}
