/** Every fault that a scenario can name. The scenario schema, the fault catalogue and the timeline read this list. */
import { cacheChurn } from './cache-churn.ts'
import { cacheFlush } from './cache-flush.ts'
import { codeErrors } from './code-errors.ts'
import { codeSlow } from './code-slow.ts'
import { consumerSlow, consumerStall } from './consumer-slow.ts'
import { cpuSaturation } from './cpu-saturation.ts'
import type { FaultDefinition } from './define-fault.ts'
import { dependencyOutage } from './dependency-outage.ts'
import { diskFill } from './disk-fill.ts'
import { embeddingRefreshStall } from './embedding-refresh-stall.ts'
import { etlFail } from './etl-fail.ts'
import { exporterDown } from './exporter-down.ts'
import { linkLatency } from './link-latency.ts'
import { linkLoss } from './link-loss.ts'
import { linkPartition } from './link-partition.ts'
import { memoryLeak } from './memory-leak.ts'
import { messagesPoison } from './messages-poison.ts'
import { modelDegrade } from './model-degrade.ts'
import { serviceCrash } from './service-crash.ts'
import { serviceHang } from './service-hang.ts'
import { serviceRestart } from './service-restart.ts'
import { trafficDrop } from './traffic-drop.ts'
import { trafficSurge } from './traffic-surge.ts'
import { trainingFail } from './training-fail.ts'

export const faults = [
  serviceCrash,
  serviceRestart,
  serviceHang,
  dependencyOutage,
  exporterDown,
  linkLatency,
  linkLoss,
  linkPartition,
  codeErrors,
  codeSlow,
  memoryLeak,
  cpuSaturation,
  diskFill,
  trafficSurge,
  trafficDrop,
  cacheFlush,
  cacheChurn,
  trainingFail,
  modelDegrade,
  embeddingRefreshStall,
  consumerStall,
  consumerSlow,
  messagesPoison,
  etlFail,
  // biome-ignore lint/suspicious/noExplicitAny: each fault has parameters of its own; the schema guards them
] as const satisfies readonly FaultDefinition<any>[]

export type { VisibleEffect } from './define-fault.ts'
export type FaultName = (typeof faults)[number]['name']

/** @returns the fault of this name; its parameters must have passed its schema. */
export function findFault(name: string): FaultDefinition<unknown> | undefined {
  return faults.find((fault) => fault.name === name) as FaultDefinition<unknown> | undefined
}
