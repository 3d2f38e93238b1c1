/** A PostgreSQL server: connections, queries that take time and processor, rows fetched and written, a size that grows. */
import { DependencyError, type LatencyProfile, type Query, type QueryType, type Rng } from '../runtime/ports.ts'
import { latencyAt } from '../runtime/rng.ts'
import type { Container } from './container.ts'
import type { Host } from './host.ts'

export interface PostgresOptions {
  readonly connectionsMax: number
  readonly query: LatencyProfile
  readonly cpuPerQueryMs: number
  readonly databaseBytes: number
  readonly rowBytes: number
  /** What of `databaseBytes` belongs to each tenant at the start. */
  readonly tenantBytes: Readonly<Record<string, number>>
}

export class PostgresServer {
  readonly options: PostgresOptions
  readonly container: Container
  /** Rows by the kind of statement, since the statistics began. */
  readonly tuples: Record<QueryType, number> = { select: 0, insert: 0, update: 0, delete: 0 }
  commits = 0
  rollbacks = 0
  #running = true
  #epoch = 0
  #connections = 0
  #databaseBytes: number
  readonly #tenantBytes: Record<string, number>
  readonly #host: Host
  readonly #rng: Rng

  constructor(options: PostgresOptions, container: Container, host: Host, rng: Rng) {
    this.options = options
    this.container = container
    this.#host = host
    this.#rng = rng
    this.#databaseBytes = options.databaseBytes
    this.#tenantBytes = { ...options.tenantBytes }
  }

  get running(): boolean {
    return this.#running
  }

  /** Changes whenever the server stops: a connection of an earlier epoch is broken. */
  get epoch(): number {
    return this.#epoch
  }

  get connections(): number {
    return this.#connections
  }

  get databaseBytes(): number {
    return this.#databaseBytes
  }

  /** Bytes that belong to each tenant; the rest of the database is the platform's own. */
  get tenantBytes(): Readonly<Record<string, number>> {
    return { ...this.#tenantBytes }
  }

  stop(): void {
    if (!this.#running) return
    this.#running = false
    this.#epoch += 1
    this.#connections = 0
    this.container.processEnded()
  }

  start(): void {
    this.#running = true
  }

  /** @throws DependencyError when the server is down or has no connection left */
  connect(): void {
    if (!this.#running) throw new DependencyError('postgres', 'refused', 'connection refused by postgres:5432')
    if (this.#connections >= this.options.connectionsMax) {
      throw new DependencyError('postgres', 'unavailable', 'sorry, too many clients already')
    }
    this.#connections += 1
  }

  /** @param epoch in which the connection was made */
  disconnect(epoch: number): void {
    if (epoch === this.#epoch) this.#connections -= 1
  }

  #keep(bytes: number, tenantRows: Query['tenantRows'] = {}): void {
    this.#databaseBytes += bytes
    for (const [tenantId, rows] of Object.entries(tenantRows)) {
      this.#tenantBytes[tenantId] = (this.#tenantBytes[tenantId] ?? 0) + rows * this.options.rowBytes
    }
  }

  /**
   * Does the work of a query.
   * @returns milliseconds until the server has answered
   * @throws DependencyError of kind disk-full
   */
  execute(query: Query): number {
    const weight = query.weight ?? 1
    const written = query.type === 'insert' || query.type === 'update' ? query.rows * this.options.rowBytes : 0
    if (written > 0) {
      try {
        this.#host.write(this.container, '/data/postgres', query.type === 'insert' ? written : 0)
      } catch (error) {
        this.rollbacks += 1
        throw error
      }
      // The write-ahead log moves the bytes once more.
      this.#host.moveToDisk(this.container, written)
      if (query.type === 'insert') this.#keep(written, query.tenantRows)
    } else if (query.type === 'select') {
      // One page in fifty is not in the buffer.
      if (this.#rng.chance(0.02)) this.#host.read(this.container, 8192 * Math.ceil(query.rows / 20))
    }
    this.tuples[query.type] += query.rows
    this.commits += 1
    const waitMs = this.container.reserveCpu(this.options.cpuPerQueryMs * weight)
    return latencyAt(this.options.query, this.#rng.next()) * weight + waitMs
  }
}
