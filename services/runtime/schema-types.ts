/** The building blocks of the schemas for files that people write: durations, sizes, shares, latency profiles. */
import { z } from 'zod'
import { parseBytes } from './byte-size.ts'
import { parseDurationMs } from './duration.ts'
import type { LatencyProfile } from './ports.ts'

/** `2m30s` in the file, milliseconds afterwards. Not negative. */
export const durationSchema = z
  .string()
  .regex(/^(\d+(\.\d+)?(us|ms|s|m|h|d|w))+$/, 'is not a duration: write for example 90s, 2m30s or 1h')
  .transform((text) => parseDurationMs(text)!)
  .meta({ title: 'duration', description: 'A duration, for example "250ms", "90s", "2m30s" or "1h"' })

/** `64MiB` in the file, bytes afterwards. */
export const bytesSchema = z
  .string()
  .regex(/^\d+(\.\d+)?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/, 'is not a size: write for example 512KiB, 64MiB or 2GB')
  .transform((text) => parseBytes(text)!)
  .meta({ title: 'size', description: 'A size, for example "512KiB", "64MiB" or "2GB"' })

/** A share, 0 to 1. */
export const ratioSchema = z.number().min(0).max(1).describe('A share between 0 and 1')

export const positiveSchema = z.number().positive()
export const countSchema = z.number().int().min(1)

/** Quantiles 0, 0.5, 0.9, 0.99 and 1 of a latency, in rising order. */
export const latencySchema = z
  .tuple([durationSchema, durationSchema, durationSchema, durationSchema, durationSchema])
  .refine(
    (profile) => profile.every((ms, i) => i === 0 || ms >= profile[i - 1]!),
    'must rise from the first to the last quantile',
  )
  .transform((profile): LatencyProfile => profile)
  .describe('Latency at the quantiles 0, 0.5, 0.9, 0.99 and 1, for example [2ms, 4ms, 9ms, 30ms, 120ms]')
