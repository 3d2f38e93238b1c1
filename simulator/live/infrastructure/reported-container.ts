/** The container of a service that runs as a process of its own, as far as the process tells of it. */
import type { ContainerFacts, ContainerOptions } from '../../../services/infrastructure/container.ts'
import type { ContainerReport } from '../../../services/runtime/live/live-ports.ts'

type Summed = 'cpuSeconds' | 'networkReceivedBytes' | 'networkSentBytes'
const summed: readonly Summed[] = ['cpuSeconds', 'networkReceivedBytes', 'networkSentBytes']

export class ReportedContainer implements ContainerFacts {
  readonly options: ContainerOptions
  cpuSeconds = 0
  networkReceivedBytes = 0
  networkSentBytes = 0
  diskReadBytes = 0
  diskWrittenBytes = 0
  memoryBytes: number
  #last: ContainerReport | undefined

  constructor(options: ContainerOptions) {
    this.options = options
    this.memoryBytes = options.memoryBaseBytes
  }

  /** A process counts from 0 when it starts; the container goes on. */
  take(report: ContainerReport): void {
    for (const key of summed) this[key] += Math.max(0, report[key] - (this.#last?.[key] ?? 0))
    this.memoryBytes = report.memoryBytes
    this.#last = report
  }

  processEnded(): void {
    this.#last = undefined
    this.memoryBytes = this.options.memoryBaseBytes
  }

  /** What came since the report before. */
  gained(report: ContainerReport, key: 'logLines' | 'logBytes' | 'spans'): number {
    return Math.max(0, report[key] - (this.#last?.[key] ?? 0))
  }
}
