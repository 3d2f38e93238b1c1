/**
 * Brings records to a server in batches and loses none in silence: generated = delivered + dropped{reason} + queued, at
 * every moment. One batch is under way at a time, in the order of the records; what the server may take later is sent
 * again, the identical body and nothing else; memory is bounded. Each sink has a delivery of its own, so a dead server
 * holds up nobody else.
 */
import type { Accounting } from '../drill/drill-result.ts'

/** Wall time, as a port: tests bring their own. */
export interface DeliveryClock {
  nowMs(): number
  /** Resolves after `ms`, or at once when `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface DeliveryRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

export interface DeliveryOptions<Item> {
  /** For messages, for example `loki`. */
  readonly name: string
  readonly clock: DeliveryClock
  readonly encode: (batch: readonly Item[]) => DeliveryRequest
  /** Whether the server may take the very same body later. */
  readonly isRepeatable: (status: number) => boolean
  /** Records that a successful answer says were not taken after all. */
  readonly rejectedOf?: (answer: string) => { readonly records: number; readonly reason: string } | undefined
  /** Records that an item stands for; 1 when left out. */
  readonly countOf?: (item: Item) => number
  readonly bytesOf: (item: Item) => number
  readonly batchItemsMax: number
  readonly batchBytesMax: number
  /** What may wait in memory, the batch under way included. */
  readonly queueBytesMax?: number
  readonly timeoutMs?: number
  readonly attemptsMax?: number
  readonly retryAfterMs?: number
  readonly fetch?: typeof fetch
}

/** What whoever makes a sink may decide; everything else is a matter of the server it talks to. */
export type SinkOptions = Pick<
  DeliveryOptions<unknown>,
  'clock' | 'fetch' | 'timeoutMs' | 'retryAfterMs' | 'attemptsMax' | 'queueBytesMax'
>

interface Batch<Item> {
  readonly batch: readonly Item[]
  readonly bytes: number
  readonly request: DeliveryRequest
}

/** Batches that fail in a row until the server counts as gone, and nothing more is tried. */
const failedInARowMax = 3
const retryAfterMsMax = 10_000
/** The batch under way when time was up: whether it arrived is not known, so it does not count as delivered. */
const noAnswer = 'no answer before the end'

export class Delivery<Item> {
  readonly name: string
  readonly #options: Required<
    Pick<
      DeliveryOptions<Item>,
      'countOf' | 'rejectedOf' | 'queueBytesMax' | 'timeoutMs' | 'attemptsMax' | 'retryAfterMs' | 'fetch'
    >
  > &
    DeliveryOptions<Item>
  #waiting: Item[] = []
  #bytes = 0
  #generated = 0
  #delivered = 0
  #queued = 0
  readonly #dropped = new Map<string, number>()
  #sending: Promise<void> | undefined
  #roomAwaited: (() => void)[] = []
  #failedInARow = 0
  #gone: string | undefined
  readonly #ended = new AbortController()

  constructor(options: DeliveryOptions<Item>) {
    this.name = options.name
    this.#options = {
      countOf: () => 1,
      rejectedOf: () => undefined,
      queueBytesMax: 4 * options.batchBytesMax,
      timeoutMs: 10_000,
      attemptsMax: 6,
      retryAfterMs: 250,
      fetch: globalThis.fetch,
      ...options,
    }
  }

  /** Why the server counts as gone; undefined while it does not. */
  get gone(): string | undefined {
    return this.#gone
  }

  get accounting(): Accounting {
    const dropped = Object.fromEntries([...this.#dropped].sort(([a], [b]) => (a < b ? -1 : 1)))
    return { generated: this.#generated, delivered: this.#delivered, dropped, queued: this.#queued }
  }

  /** Takes an item without waiting; when there is no room for it, it is dropped and counted. */
  offer(item: Item): boolean {
    const count = this.#options.countOf(item)
    this.#generated += count
    if (this.#gone !== undefined) return this.#drop(count, this.#gone)
    const bytes = this.#options.bytesOf(item)
    if (this.#bytes + bytes > this.#options.queueBytesMax && this.#waiting.length > 0) {
      return this.#drop(count, 'no room in the queue')
    }
    this.#queue(item, count, bytes)
    return true
  }

  /** Takes an item, and waits for room first; for sources that can wait. */
  async write(item: Item): Promise<void> {
    const count = this.#options.countOf(item)
    const bytes = this.#options.bytesOf(item)
    this.#generated += count
    this.#queued += count
    while (this.#gone === undefined && this.#waiting.length > 0 && this.#bytes + bytes > this.#options.queueBytesMax) {
      await new Promise<void>((resolve) => this.#roomAwaited.push(resolve))
    }
    this.#queued -= count
    if (this.#gone !== undefined) this.#drop(count, this.#gone)
    else this.#queue(item, count, bytes)
  }

  /** Sends what waits, for at most `ms`; afterwards nothing is queued any more: the rest is dropped and counted. */
  async close(ms: number): Promise<Accounting> {
    const end = this.#options.clock.sleep(ms, this.#ended.signal).then(() => 'late' as const)
    while (this.#sending) {
      if ((await Promise.race([this.#sending, end])) === 'late') break
    }
    this.#ended.abort()
    await this.#sending
    this.#dropWaiting('not sent before the end')
    return this.accounting
  }

  #queue(item: Item, count: number, bytes: number): void {
    this.#waiting.push(item)
    this.#bytes += bytes
    this.#queued += count
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    // A turn for whoever is writing: otherwise the first record would be a batch of its own, and so the next.
    await new Promise((resolve) => setImmediate(resolve))
    let next: Batch<Item> | undefined
    while (this.#waiting.length > 0 && this.#gone === undefined && !this.#ended.signal.aborted) {
      const { batch, bytes, request } = next ?? this.#encoded(0)
      const count = batch.reduce((sum, item) => sum + this.#options.countOf(item), 0)
      const sent = this.#send(request, count)
      next = await this.#prepared(batch.length)
      const failure = await sent
      this.#waiting.splice(0, batch.length)
      this.#bytes -= bytes
      this.#queued -= count
      if (failure === undefined) this.#failedInARow = 0
      else {
        this.#drop(count, failure.reason)
        if (failure.unreachable) this.#failedInARow += 1
        if (this.#failedInARow >= failedInARowMax) this.#gone = `${failure.reason}, given up`
      }
      if (this.#gone !== undefined) this.#dropWaiting(this.#gone)
      for (const resolve of this.#roomAwaited.splice(0)) resolve()
    }
  }

  /**
   * While the server works on one batch the next one is encoded, when it is a full one already: what has yet to come
   * would have to wait for the one after it.
   * @param from behind the batch that is under way
   */
  async #prepared(from: number): Promise<Batch<Item> | undefined> {
    const { batchItemsMax, batchBytesMax } = this.#options
    // What is under way leaves first.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    const items = this.#waiting.length - from
    const isFull = items >= batchItemsMax || (items > 0 && this.#bytes >= 2 * batchBytesMax)
    return isFull ? this.#encoded(from) : undefined
  }

  #encoded(from: number): Batch<Item> {
    const { batchItemsMax, batchBytesMax, bytesOf, encode } = this.#options
    let bytes = 0
    let to = from
    while (to < this.#waiting.length && to - from < batchItemsMax) {
      const next = bytesOf(this.#waiting[to]!)
      if (to > from && bytes + next > batchBytesMax) break
      bytes += next
      to += 1
    }
    const batch = this.#waiting.slice(from, to)
    return { batch, bytes, request: encode(batch) }
  }

  /** @returns undefined when the server took the batch; delivered records are counted here */
  async #send(request: DeliveryRequest, count: number): Promise<{ reason: string; unreachable: boolean } | undefined> {
    const { attemptsMax, isRepeatable, rejectedOf, clock } = this.#options
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(request)
      if ('answer' in outcome) {
        const rejected = rejectedOf(outcome.answer)
        const lost = Math.min(count, rejected?.records ?? 0)
        if (rejected && lost > 0) this.#drop(lost, rejected.reason)
        this.#delivered += count - lost
        return undefined
      }
      if (outcome.status !== undefined && !isRepeatable(outcome.status)) {
        return { reason: outcome.reason, unreachable: false }
      }
      if (this.#ended.signal.aborted) return { reason: noAnswer, unreachable: false }
      if (attempt === attemptsMax) {
        return { reason: `${outcome.reason} ${attempt} times`, unreachable: true }
      }
      await clock.sleep(outcome.afterMs ?? this.#waitMs(attempt), this.#ended.signal)
    }
  }

  #waitMs(attempt: number): number {
    return Math.min(retryAfterMsMax, this.#options.retryAfterMs * 2 ** (attempt - 1))
  }

  async #attempt({
    url,
    headers,
    body,
  }: DeliveryRequest): Promise<
    | { readonly answer: string }
    | { readonly reason: string; readonly status: number | undefined; readonly afterMs: number | undefined }
  > {
    const { name, timeoutMs } = this.#options
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await this.#options.fetch(url, {
        method: 'POST',
        headers,
        body: body as string | Uint8Array<ArrayBuffer>,
        signal: AbortSignal.any([timeout, this.#ended.signal]),
      })
      const text = await response.text()
      if (response.ok) return { answer: text }
      const reason = `${name} answered ${response.status}`
      return { reason, status: response.status, afterMs: waitAskedFor(response.headers.get('retry-after')) }
    } catch (error) {
      if (this.#ended.signal.aborted)
        return { reason: 'not sent before the end', status: undefined, afterMs: undefined }
      const code = (error as { cause?: { code?: string } }).cause?.code
      const reason = timeout.aborted
        ? `${name} did not answer within ${timeoutMs / 1000} s`
        : `${name} can't be reached${code ? ` (${code})` : ''}`
      return { reason, status: undefined, afterMs: undefined }
    }
  }

  #dropWaiting(reason: string): void {
    const count = this.#waiting.reduce((sum, item) => sum + this.#options.countOf(item), 0)
    this.#waiting = []
    this.#bytes = 0
    this.#queued -= count
    if (count > 0) this.#drop(count, reason)
  }

  #drop(count: number, reason: string): false {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count)
    return false
  }
}

/** `Retry-After` in seconds; a date is not read, for the clocks of two machines differ. */
function waitAskedFor(header: string | null): number | undefined {
  const seconds = Number(header)
  return header !== null && Number.isFinite(seconds) && seconds >= 0
    ? Math.min(retryAfterMsMax, seconds * 1000)
    : undefined
}
