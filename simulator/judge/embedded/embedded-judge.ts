/** The embedded judge: answers from the memory of the engine in this very process. */
import { defaultJudgeSettings, type Judge, type JudgeIdentity, type JudgeSettings } from '../judge.ts'
import type { Engine, EngineStore } from './engine.ts'

export function createEmbeddedJudge(engine: Engine, settings: JudgeSettings = defaultJudgeSettings): EmbeddedJudge {
  return new EmbeddedJudge(engine, settings)
}

export class EmbeddedJudge implements Judge {
  readonly identity: JudgeIdentity
  readonly #engine: Engine
  readonly #settings: JudgeSettings
  readonly #store: EngineStore
  #closed = false

  constructor(engine: Engine, settings: JudgeSettings) {
    this.#engine = engine
    this.#settings = settings
    this.#store = engine.createStore(settings.evaluationIntervalMs)
    this.identity = { kind: 'embedded', version: engine.version }
  }

  async append(...[batch]: Parameters<Judge['append']>) {
    this.#store.append(batch)
  }

  async queryRange(...[query]: Parameters<Judge['queryRange']>) {
    return this.#store.queryRange(query)
  }

  async query(...[expression, timeMs]: Parameters<Judge['query']>) {
    return this.#store.query(expression, timeMs)
  }

  async series(...[matcher, startMs, endMs]: Parameters<Judge['series']>) {
    return this.#store.series(matcher, startMs, endMs)
  }

  async labelValues(...[label, matcher, startMs, endMs]: Parameters<Judge['labelValues']>) {
    return this.#store.labelValues(label, matcher, startMs, endMs)
  }

  async renderText(...[template, data]: Parameters<Judge['renderText']>) {
    const answer = this.#engine.renderText(template, data, this.#store)
    if ('needs' in answer) throw new Error(`the store does not answer ${answer.needs}`)
    return answer.text
  }

  async fork(): Promise<Judge> {
    return new EmbeddedJudge(this.#engine, this.#settings)
  }

  /** Forgets samples that no query will look at any more, so that memory stays flat however long a drill is. */
  async forget(beforeMs: number): Promise<void> {
    this.#store.dropBefore(beforeMs)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#store.close()
  }
}
