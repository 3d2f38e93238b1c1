/**
 * Sends records to a receiver that may be slow or away: whoever adds one never waits, one batch is on its way at a time,
 * memory has a bound, and each record is delivered, waiting, or lost for a counted reason.
 */

/** `again`: the receiver is away or busy. `refused`: it will never take this batch. */
export type SendResult = 'delivered' | 'again' | 'refused'

export interface BatchSenderOptions<Item> {
  /** Must settle by itself, by a time-out of its own. A rejection counts as `again`. */
  send(batch: readonly Item[]): Promise<SendResult>
  readonly batchMax: number
  /** What waits; what comes on top is lost. */
  readonly waitingMax: number
  readonly everyMs: number
  /** Pause after a batch that could not be delivered. */
  readonly pauseMs: number
}

/** Reasons why records were lost. */
export type Lost = Readonly<Record<'buffer-full' | 'refused' | 'not-delivered', number>>

export class BatchSender<Item> {
  readonly #options: BatchSenderOptions<Item>
  readonly #timer: NodeJS.Timeout
  readonly #lost = { 'buffer-full': 0, refused: 0, 'not-delivered': 0 }
  #waiting: Item[] = []
  #pausedUntilMs = 0
  #delivered = 0
  #sending: Promise<void> | undefined
  #closing = false

  constructor(options: BatchSenderOptions<Item>) {
    this.#options = options
    this.#timer = setInterval(() => void this.#drain(), options.everyMs)
    this.#timer.unref()
  }

  get lost(): Lost {
    return this.#lost
  }

  get delivered(): number {
    return this.#delivered
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(item: Item): void {
    if (this.#waiting.length >= this.#options.waitingMax) this.#lost['buffer-full'] += 1
    else this.#waiting.push(item)
  }

  /** Tries once more to send what waits; what then is still here is lost. Resolves at the latest after `withinMs`. */
  async close(withinMs: number): Promise<void> {
    clearInterval(this.#timer)
    this.#closing = true
    this.#pausedUntilMs = 0
    const sent = (async () => {
      await this.#sending
      await this.#drain()
    })()
    let timer: NodeJS.Timeout | undefined
    await Promise.race([sent, new Promise((resolve) => (timer = setTimeout(resolve, withinMs)))])
    clearTimeout(timer)
    this.#lost['not-delivered'] += this.#waiting.length
    this.#waiting = []
  }

  #drain(): Promise<void> {
    if (performance.now() < this.#pausedUntilMs) return Promise.resolve()
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    const { batchMax, pauseMs } = this.#options
    while (this.#waiting.length > 0) {
      // It stays in the buffer until it was taken: what is on its way counts against the bound.
      const batch = this.#waiting.slice(0, batchMax)
      const result = await this.#options.send(batch).catch((): SendResult => 'again')
      if (result === 'again') {
        this.#pausedUntilMs = this.#closing ? 0 : performance.now() + pauseMs
        return
      }
      this.#waiting = this.#waiting.slice(batch.length)
      if (result === 'delivered') this.#delivered += batch.length
      else this.#lost.refused += batch.length
    }
  }
}
