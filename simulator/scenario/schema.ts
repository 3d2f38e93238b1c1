/**
 * The schema of scenario files: the only place where their shape is declared. Types, validation and the editors' hints
 * come from here; what a schema cannot say (order of times, known names) is in resolve-drill.ts.
 */
import { z } from 'zod'
import { durationSchema, ratioSchema } from '../../services/runtime/schema-types.ts'
import { serviceNames } from '../faults/fault-targets.ts'
import { faults } from '../faults/index.ts'

const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    'is not a name: write lower-case words joined by hyphens, for example "just-below"',
  )
  .max(80)
const alertNameSchema = z
  .string()
  .regex(/^[a-zA-Z_][\w:.-]*$/, 'is not the name of an alert: write for example "HighErrorRate"')
const longerThanNothing = durationSchema.refine((ms) => ms > 0, 'must be longer than nothing')

const relativeTimeSchema = z
  .strictObject({
    event: z.string().describe('Id of another event'),
    plus: durationSchema.default(0).describe('This much later'),
    ends: z.boolean().default(false).describe('Counted from the end of that event instead of its start'),
  })
  .describe('A time relative to another event')

const severitySchema = z
  .union([
    ratioSchema,
    z.strictObject({
      from: ratioSchema.default(0),
      to: ratioSchema.default(1),
      over: durationSchema.describe('How long the way from one to the other takes, in a straight line'),
    }),
  ])
  .describe('How strong the fault is, 0 to 1: a number, or a ramp; 1 when left out')

const eventFields = {
  id: nameSchema.describe('Other times and expectations refer to it'),
  at: durationSchema.optional().describe('Start, relative to the start of the drill'),
  after: relativeTimeSchema.optional().describe('Start, relative to another event'),
  hold: longerThanNothing.optional().describe('How long it lasts; to the end of the drill without hold and until'),
  until: relativeTimeSchema.optional().describe('End, relative to another event'),
}

/** The keys of an event that are not parameters of its fault. */
export const eventKeys: readonly string[] = [...Object.keys(eventFields), 'fault', 'severity']

export type RelativeTime = z.infer<typeof relativeTimeSchema>

/** One event after validation; parameters of the fault stand beside the fields. */
export interface ScenarioEvent {
  readonly id: string
  readonly fault: string
  readonly at?: number | undefined
  readonly after?: RelativeTime | undefined
  readonly hold?: number | undefined
  readonly until?: RelativeTime | undefined
  readonly severity?: z.infer<typeof severitySchema> | undefined
  readonly [parameter: string]: unknown
}

const eventSchemas = faults.map((fault) =>
  z
    .strictObject({
      id: eventFields.id,
      at: eventFields.at,
      after: eventFields.after,
      fault: z.literal(fault.name),
      ...(fault.schema as unknown as z.ZodObject).shape,
      ...(fault.graded ? { severity: severitySchema.optional() } : {}),
      hold: eventFields.hold,
      until: eventFields.until,
    })
    .describe(fault.description),
)

export const eventSchema = z.discriminatedUnion(
  'fault',
  eventSchemas as unknown as [z.ZodObject, ...z.ZodObject[]],
) as unknown as z.ZodType<ScenarioEvent>

export const loadStageSchema = z.strictObject({
  for: longerThanNothing.optional().describe('How long the stage lasts; the last one may leave it out'),
  perSecond: z
    .union([
      z.number().min(0).max(20_000),
      z.strictObject({ from: z.number().min(0).max(20_000), to: z.number().min(0).max(20_000) }),
    ])
    .describe('Requests a second: a number, or a ramp in a straight line'),
  daily: ratioSchema.default(0).describe("Amplitude of the day's curve on top, relative"),
})

const windowSchema = z.strictObject({
  after: z.string().describe('An event (its start), an event and .end, or start: "stall", "stall.end", "start"'),
  between: z.tuple([durationSchema, durationSchema]).describe('Earliest and latest, relative to that'),
})

export const alertExpectedSchema = z
  .union([
    z.enum(['silent', 'may', 'pending-only']),
    z.strictObject({
      because: z.string().optional().describe('Id of the event that causes it'),
      labels: z.record(z.string(), z.string()).default({}).describe('Labels that one of its alerts has, at least'),
      firing: windowSchema.describe('When it begins to fire'),
      resolved: windowSchema.optional().describe('When it is over'),
      text: z
        .literal('complete')
        .optional()
        .describe('complete: no blank label and no unrendered template in its texts'),
    }),
  ])
  .describe(
    'silent: never fires (it may be pending); pending-only: becomes pending, never fires; may: tolerated; or when it fires',
  )

const duringSchema = z.union([z.string(), windowSchema]).describe('An event, while it lasts, or a window')

/** The log events of the platform. */
export const logEvents = [
  'request_started',
  'request_completed',
  'request_failed',
  'rate_limited',
  'cache_miss_storm',
  'training_started',
  'training_completed',
  'training_failed',
  'model_deployed',
  'embedding_cache_refreshed',
  'etl_started',
  'etl_completed',
  'etl_failed',
  'consumer_lag_high',
  'message_rejected',
  'dependency_unavailable',
  'dependency_recovered',
  'fallback_served',
] as const

export const logExpectedSchema = z.strictObject({
  service: z.enum(serviceNames).optional(),
  event: z.enum(logEvents),
  level: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).optional(),
  fields: z.record(z.string(), z.unknown()).default({}).describe('Fields that the line has, at least'),
  during: duringSchema.optional(),
  atLeast: z.number().int().min(0).optional().describe('1 when left out'),
  atMost: z.number().int().min(0).optional(),
})

export const traceExpectedSchema = z.strictObject({
  service: z.enum(serviceNames).describe('Whose server span the trace starts with'),
  through: z.enum(serviceNames).optional().describe('Another service that the trace passes'),
  during: duringSchema.optional(),
  slowerThan: durationSchema.optional(),
  error: z.boolean().optional().describe('Whether the trace has a failed span'),
  logs: z.literal('linked').optional().describe('linked: its log lines carry its id'),
  atLeast: z.number().int().min(1).default(1),
})

export const panelExpectedSchema = z
  .strictObject({
    dashboard: z.string().min(1).describe('Uid or title of the dashboard; * stands for any text'),
    panel: z.string().min(1).describe('Title of the panel; * stands for any text'),
    refId: z.string().min(1).optional().describe('One query of the panel; all of them when left out'),
    legend: z.string().min(1).optional().describe('Only series with this name in the legend; * stands for any text'),
    labels: z.record(z.string(), z.string()).optional().describe('Only series that have these labels, at least'),
    during: duringSchema.optional(),
    has: z
      .enum(['data', 'nothing'])
      .optional()
      .describe('data: each query shows numbers, and no series that is mostly NaN; nothing: no query shows a point'),
    moves: z
      .enum(['up', 'down', 'no'])
      .optional()
      .describe('How the median during the event compares with an equal time before it'),
    by: z.number().gt(0).max(1000).optional().describe('Least change that counts, as a share: 0.2 when left out'),
  })
  .refine(({ has, moves }) => has !== undefined || moves !== undefined, 'expects nothing: say "has" or "moves"')
  .refine(({ moves, during }) => moves === undefined || during !== undefined, {
    path: ['moves'],
    message: 'needs "during": the time before it is what it is compared with',
  })
  .refine(({ has, moves }) => has !== 'nothing' || moves === undefined, {
    path: ['moves'],
    message: 'what shows nothing cannot move',
  })
  .refine(({ moves, by }) => by === undefined || moves !== undefined, {
    path: ['by'],
    message: 'says how far something moves: say "moves" too',
  })
  .describe('What a panel of a dashboard shows')

const otherwiseSchema = z
  .enum(['silent', 'may'])
  .describe('What holds for the alerts that are not listed: silent (forbidden) or may (tolerated)')

export const expectSchema = z.strictObject({
  alerts: z.record(alertNameSchema, alertExpectedSchema).default({}),
  otherwise: otherwiseSchema.default('silent'),
  panels: z.array(panelExpectedSchema).default([]),
  logs: z.array(logExpectedSchema).default([]),
  traces: z.array(traceExpectedSchema).default([]),
})

const varySchema = z.union([
  z.strictObject({
    add: z
      .array(
        z.union([
          z.number(),
          z.string().regex(/^-?(\d+(\.\d+)?(us|ms|s|m|h|d|w))+$/, 'is not a duration: write for example 15s'),
        ]),
      )
      .min(1)
      .max(100)
      .describe('Added to what the scenario says'),
  }),
  z.strictObject({ set: z.array(z.unknown()).min(1).max(100).describe('Instead of what the scenario says') }),
])

/** How many values over time become one. */
export const reductions = ['max', 'min', 'mean', 'last'] as const

const solveSchema = z
  .strictObject({
    knob: z.string().regex(/^[^.]+\.[^.]+$/, 'is not a value of an event: write for example stall.hold'),
    readout: z.string().min(1).describe('PromQL of what is read; it is looked at, never set'),
    reduce: z.enum(reductions).default('max').describe('What of it counts'),
    during: z.string().optional().describe('Event while which it is read; the whole drill when left out'),
    target: z.number().describe('What it should read'),
    tolerance: z.number().gt(0).lt(1).default(0.01).describe('How far off it may be, as a share of the target'),
  })
  .describe(
    'How the number of the cause was found: `firedrill solve` finds it again, and says when it is not right any more',
  )

export const twinSchema = z
  .strictObject({
    name: nameSchema,
    title: z.string().min(1).optional(),
    tags: z.array(nameSchema).optional().describe('Instead of those of the scenario'),
    set: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Changes values: "stall.hold" of the event stall, "load.0.perSecond", "clock.length"; null removes'),
    vary: z.record(z.string(), varySchema).default({}).describe('One drill for each value'),
    without: z.array(z.string()).default([]).describe('Events that this twin leaves out'),
    solve: solveSchema.optional(),
    expect: z
      .object({
        otherwise: otherwiseSchema.optional(),
        panels: z.array(panelExpectedSchema).optional(),
        logs: z.array(logExpectedSchema).optional(),
        traces: z.array(traceExpectedSchema).optional(),
      })
      .catchall(alertExpectedSchema)
      .default({})
      .describe(
        'Alerts whose expectation differs; "*" stands for all. Other sections replace those of the scenario; what panels show is not taken over',
      ),
  })
  .describe('A sibling that the rule must tell apart; a drill of its own')

export const scenarioSchema = z.strictObject({
  format: z.literal(1),
  scenario: nameSchema.describe('Name of the scenario'),
  title: z.string().min(1).describe('One sentence: what happens'),
  tags: z.array(nameSchema).default([]),
  seed: z.number().int().min(0).max(4_294_967_295).default(42).describe('Start of every random stream'),
  clock: z.strictObject({
    start: z
      .string()
      .regex(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'is not a time: write for example 2026-01-05T09:00:00Z')
      .default('2026-01-05T09:00:00Z')
      .describe('Virtual time at the start'),
    length: durationSchema
      .refine((ms) => ms >= 60_000 && ms <= 31 * 86_400_000, 'must be between 1m and 31d')
      .describe('How long the drill lasts'),
  }),
  world: z.string().min(1).describe('Name of a world, or path of a world file relative to this file'),
  counters: z
    .partialRecord(z.enum(serviceNames), z.enum(['lazy', 'eager']))
    .default({})
    .describe(
      'Instead of what the world says: whether a counter is exposed at 0 from the start (eager) or born with its first count (lazy)',
    ),
  load: z.array(loadStageSchema).min(1).max(200).describe('Arrivals, which do not wait for answers'),
  steady: z
    .strictObject({
      from: durationSchema.describe('From here to the first fault it must hold'),
      alerts: z
        .union([z.literal('none'), z.array(alertNameSchema)])
        .default('none')
        .describe('none, or those that may fire'),
    })
    .optional()
    .describe('What must hold before the first fault'),
  events: z.array(eventSchema).max(100).default([]).describe('Faults of the system'),
  observe: z
    .array(
      z.strictObject({
        at: durationSchema,
        gap: z.literal('scrape').describe('Prometheus does not scrape'),
        job: z.string().optional().describe('All jobs when left out'),
        hold: longerThanNothing,
      }),
    )
    .max(100)
    .default([])
    .describe('Faults of the measuring path'),
  expect: expectSchema.prefault({}),
  twins: z.array(twinSchema).max(50).default([]),
})

export type Scenario = z.infer<typeof scenarioSchema>
export type Twin = z.infer<typeof twinSchema>
export type Solve = z.infer<typeof solveSchema>
export type WindowInFile = z.infer<typeof windowSchema>
