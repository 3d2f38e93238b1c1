/**
 * Captured log lines or spans of a drill, one JSON object a line. Memory stays flat however long the drill is: full
 * buffers go to a temporary file, and come back from there when somebody looks for evidence.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Accounting } from './drill-result.ts'

const bufferCharacters = 1_000_000

export class SignalCapture {
  readonly #file: string
  readonly #hash: Hash = createHash('sha256')
  #descriptor: number | undefined
  #buffer: string[] = []
  #buffered = 0
  #count = 0
  #closed = false
  #kept = false

  /** @param folder a folder of this drill alone, that somebody else removes */
  constructor(folder: string, name: string) {
    this.#file = join(folder, `${name}.jsonl`)
  }

  /** Takes one line with its line break. */
  write(line: string): void {
    this.#buffer.push(line)
    this.#buffered += line.length
    this.#count += 1
    if (this.#buffered >= bufferCharacters) this.#flush()
  }

  get accounting(): Accounting {
    return { generated: this.#count, delivered: this.#count, dropped: {}, queued: 0 }
  }

  /** Hash of all lines in order. Call it once, when the drill is over. */
  digest(): Buffer {
    this.#flush()
    return this.#hash.digest()
  }

  /** All records in the order in which they were written. */
  async *records(): AsyncGenerator<Record<string, unknown>> {
    this.#flush()
    if (this.#descriptor !== undefined) yield* readCapture(this.#file)
  }

  /** Leaves the file in its folder when this is closed, empty when nothing was captured. @returns its path */
  keep(): string {
    this.#flush()
    this.#kept = true
    this.#descriptor ??= openSync(this.#file, 'w')
    return this.#file
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    if (!this.#kept) rmSync(this.#file, { force: true })
  }

  #flush(): void {
    if (this.#buffer.length === 0) return
    const bytes = Buffer.from(this.#buffer.join(''), 'utf8')
    this.#buffer = []
    this.#buffered = 0
    this.#hash.update(bytes)
    this.#descriptor ??= openSync(this.#file, 'w')
    writeSync(this.#descriptor, bytes)
  }
}

/** All records of a captured file, in the order in which they were written. */
export async function* readCapture(file: string): AsyncGenerator<Record<string, unknown>> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) yield JSON.parse(line) as Record<string, unknown>
}
