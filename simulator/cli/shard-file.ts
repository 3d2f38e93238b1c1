/** What a shard of a run leaves so that `firedrill merge` can conclude the whole run: its raw results and its options. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { DrillResult } from '../drill/drill-result.ts'
import { writeOutput } from './ci-outputs.ts'
import type { CommandContext } from './context.ts'
import type { JudgeOptions, SetUpOptions } from './set-up.ts'
import type { Shard } from './shard.ts'

/** What the whole run is concluded with: its files, and the judge that was asked for. */
type ShardOptions = SetUpOptions & Partial<Pick<JudgeOptions, 'judge'>>

export interface ShardFile {
  readonly format: 1
  /** Of Firedrill. */
  readonly version: string
  readonly shard: Shard
  readonly options: ShardOptions
  readonly results: readonly DrillResult[]
}

/** Enough to know that the file is what it should be; we have written it ourselves. */
const shardSchema = z.looseObject({
  format: z.literal(1),
  version: z.string(),
  shard: z.strictObject({ index: z.number().int().min(1), count: z.number().int().min(1) }),
  options: z.looseObject({}),
  results: z.array(z.looseObject({ scenario: z.string(), seed: z.number(), alerts: z.array(z.unknown()) })),
})

export function writeShard(
  folder: string,
  shard: Shard,
  results: readonly DrillResult[],
  { rules, prometheusConfig, alertmanager, dashboards, judge }: ShardOptions,
  { version }: CommandContext,
): void {
  const options: ShardOptions = {
    ...(rules !== undefined && { rules }),
    ...(prometheusConfig !== undefined && { prometheusConfig }),
    ...(alertmanager !== undefined && { alertmanager }),
    ...(dashboards !== undefined && { dashboards }),
    ...(judge !== undefined && { judge }),
  }
  const file: ShardFile = { format: 1, version, shard, options, results }
  writeOutput(join(folder, `shard-${shard.index}-of-${shard.count}.json`), `${JSON.stringify(file)}\n`)
}

/**
 * Reads the shards of one run, in their order.
 * @param paths shard files, or folders that hold some, at any depth
 */
export function readShards(paths: readonly string[]): { shards: readonly ShardFile[]; problems: readonly string[] } {
  const problems: string[] = []
  const files = paths.flatMap((path) => {
    const found = filesAt(path)
    if (found.length === 0)
      problems.push(`${path}: there is no shard-I-of-N.json (written by run --shard I/N --report DIR)`)
    return found
  })
  const read = files.flatMap((file): { file: string; shard: ShardFile }[] => {
    const one = readShard(file)
    if (typeof one !== 'string') return [{ file, shard: one }]
    problems.push(`${file}: ${one}`)
    return []
  })
  if (problems.length > 0) return { shards: [], problems }
  const { count } = read[0]!.shard.shard
  const byIndex = new Map<number, ShardFile>()
  for (const { file, shard } of read) {
    if (shard.shard.count !== count)
      problems.push(`${file}: is one of ${shard.shard.count} shards, others are of ${count}`)
    else if (byIndex.has(shard.shard.index)) problems.push(`${file}: shard ${shard.shard.index} is there twice`)
    if (shard.version !== read[0]!.shard.version) problems.push(`${file}: was written by version ${shard.version}`)
    byIndex.set(shard.shard.index, shard)
  }
  for (let index = 1; index <= count; index += 1) {
    if (!byIndex.has(index)) problems.push(`shard ${index} of ${count} is missing`)
  }
  const shards = [...byIndex.values()].sort((a, b) => a.shard.index - b.shard.index)
  return { shards: problems.length > 0 ? [] : shards, problems }
}

function filesAt(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isDirectory()) return found ? [path] : []
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|[/\\])shard-\d+-of-\d+\.json$/.test(name))
    .sort()
    .map((name) => join(path, name))
}

function readShard(file: string): ShardFile | string {
  let data: unknown
  try {
    data = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return `cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`
  }
  return shardSchema.safeParse(data).success ? (data as ShardFile) : 'is no shard of a run'
}
