/** What the director and the agents of the parts say to each other. */
import { z } from 'zod'
import { serviceNames } from '../../faults/fault-targets.ts'

/** Parts that an agent can run. The exporters, with the servers behind them, are one process. */
export const partNames = [...serviceNames, 'exporters'] as const
export type PartName = (typeof partNames)[number]

/** Name of a part's process on this machine. */
export function processOf(part: PartName): string {
  return part === 'exporters' ? 'infrastructure' : part
}

/** Where an agent listens when nobody says otherwise. */
export const agentPort = 8099

export const orders = ['prepare', 'start', 'kill', 'freeze', 'thaw'] as const
export type Order = (typeof orders)[number]

/** Begins the time in which the part belongs to one director: until the connection ends. */
export const runSchema = z.strictObject({
  /** How many processes this part has had, with this director. */
  life: z.number().int().min(0),
  /** `PlatformSettings`; the token of the control port goes into a file, and that file's name in here. */
  settings: z.looseObject({
    format: z.literal(1),
    speed: z.number().positive(),
    control: z.strictObject({ address: z.string() }),
  }),
})
export type RunRequest = z.infer<typeof runSchema>

/** Nothing more is to be said; a page can't send it without asking, because it is JSON. */
export const orderSchema = z.strictObject({})

export const stopSchema = z.strictObject({
  withinMs: z.number().int().min(0).max(60_000).describe('Milliseconds of the machine'),
})

export const partReportSchema = z.object({
  part: z.enum(partNames),
  /**
   * `idle`: no process, and no director. `waiting`: its process has loaded its code, or does so, and waits. `ended`: there is
   * none, although there is a director.
   */
  phase: z.enum(['idle', 'waiting', 'working', 'frozen', 'ended']),
  pid: z.number().optional(),
  /** Of the process that is there now, by the machine's clock. */
  startedAt: z.string().optional(),
  lives: z.number(),
  /** Lives below this number may work. */
  begun: z.number(),
  /** How many ended although nobody asked for it. */
  deaths: z.number(),
  /** The process that ended last. */
  exited: z
    .object({
      pid: z.number().optional(),
      code: z.number().nullable(),
      signal: z.string().nullable(),
      at: z.string(),
      /** By the director's order. */
      asked: z.boolean(),
    })
    .optional(),
})
export type PartReport = z.infer<typeof partReportSchema>
