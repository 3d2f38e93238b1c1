/** The files for CI systems are YAML of the shape that these systems read. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { createProgram } from '../../simulator/cli/main.ts'
import { blocks, readPage } from './documentation.ts'

const optionsOfRun = createProgram(async () => {})
  .commands.find((command) => command.name() === 'run')!
  .options.map(({ long }) => long)

test('action.yml is a composite action, and passes only options that run has', () => {
  const action = z
    .object({
      name: z.string(),
      description: z.string(),
      inputs: z.record(z.string(), z.object({ description: z.string(), default: z.string() })),
      runs: z.object({
        using: z.literal('composite'),
        steps: z.array(z.object({ shell: z.string(), env: z.record(z.string(), z.string()), run: z.string() })),
      }),
    })
    .parse(parse(readPage('action.yml')))
  const [step] = action.runs.steps
  for (const input of Object.values(step!.env)) {
    expect(Object.keys(action.inputs)).toContain(/inputs\.([\w-]+)/.exec(input)![1])
  }
  // An input inside of the script could bring commands of its own.
  expect(step!.run).not.toContain('${{')
  const used = step!.run.match(/ --(report|sarif|summary|shard|changed-since|all)\b/g)!.map((option) => option.trim())
  for (const option of used) expect(optionsOfRun).toContain(option)
})

test('the workflow of the documentation has jobs with steps', () => {
  const block = blocks().find(({ place, text }) => place.startsWith('docs/ci.md') && text.includes('matrix'))!
  const job = z.object({ 'runs-on': z.string(), steps: z.array(z.record(z.string(), z.unknown())) })
  const { jobs } = z.object({ on: z.unknown(), jobs: z.record(z.string(), job) }).parse(parse(block.text))
  expect(Object.keys(jobs)).toEqual(['drills', 'verdict'])
})

test('the Indexed Job runs one shard for each index', () => {
  const job = z
    .object({
      apiVersion: z.literal('batch/v1'),
      kind: z.literal('Job'),
      spec: z.object({
        completionMode: z.literal('Indexed'),
        completions: z.number(),
        backoffLimit: z.literal(0),
        template: z.object({
          spec: z.object({
            restartPolicy: z.literal('Never'),
            containers: z.array(z.object({ args: z.array(z.string()), volumeMounts: z.array(z.unknown()) })),
            volumes: z.array(z.unknown()),
          }),
        }),
      }),
    })
    .parse(parse(readPage(join('docs', 'examples', 'kubernetes-indexed-job.yaml'))))
  const { completions, template } = job.spec
  expect(template.spec.containers[0]!.args[0]).toContain(`$((JOB_COMPLETION_INDEX + 1))/${completions}"`)
})
