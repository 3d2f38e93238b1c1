import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { builtCommand } from '../cli/built-command.ts'
import { startKafka, whyMissing } from './servers.ts'

const reason = whyMissing('kafka')
const execute = promisify(execFile)

describe.skipIf(reason)(`the live platform on a real Kafka${reason ? ` (skipped: ${reason})` : ''}`, () => {
  test('reports the lag that the broker itself reports, once producers have stopped', async () => {
    const firedrill = await builtCommand()
    const kafka = await startKafka()
    const home = mkdtempSync(join(tmpdir(), 'firedrill-home-'))
    const environment = { ...process.env, XDG_RUNTIME_DIR: home, HOME: home }
    const up = spawn(
      process.execPath,
      [firedrill, 'up', '--scenario', 'steady-state', '--kafka', kafka.broker, '--no-with-prometheus'],
      { env: environment, stdio: 'ignore' },
    )
    const ended = new Promise((resolve) => up.once('exit', resolve))
    const inject = (...words: string[]) =>
      execute(process.execPath, [firedrill, 'fault', 'inject', ...words], { env: environment })
    try {
      // A group that has committed nothing has no offsets that the broker could be asked for.
      await until(async () => sum(await seriesOf('kafka_consumer_offset')) > 0, 'the consumers commit')
      await inject('consumer.stall', 'target.topic=interactions', '--hold', '10m')
      await until(async () => sum(await lagOf()) > 50, 'the lag grows')
      await inject('link.partition', 'target.from=backend-api', 'target.to=kafka', '--hold', '10m')
      // What was produced before is seen by the next look at the offsets.
      await settled(lagOf)
      const [reported, really] = [await lagOf(), await brokersLag(kafka.broker)]
      expect(Object.fromEntries(really)).toEqual(Object.fromEntries(reported))
      expect(sum(really)).toBeGreaterThan(50)
    } finally {
      up.kill('SIGTERM')
      await ended
      await kafka.stop()
      rmSync(home, { recursive: true, force: true })
    }
  })
})

type Lag = ReadonlyMap<string, number>

const lagOf = () => seriesOf('kafka_consumer_lag')

/** As the data pipeline exposes them, by partition. */
async function seriesOf(metric: string): Promise<Lag> {
  const text = await fetch('http://127.0.0.1:8002/metrics').then(
    (response) => response.text(),
    () => '',
  )
  const series = new Map<string, number>()
  for (const [, name, labels, value] of text.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    const label = (wanted: string) => new RegExp(`${wanted}="([^"]*)"`).exec(labels!)?.[1]
    if (name === metric) series.set(`${label('topic')}/${label('partition')}`, Number(value))
  }
  return series
}

/** Asked of the broker: the end of each partition, less what the group has committed. */
async function brokersLag(broker: string): Promise<Lag> {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const { groups } = await admin.listGroups()
    const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'))
    const lag = new Map<string, number>()
    for (const { groupId } of groups) {
      for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
        const ends = await admin.fetchTopicOffsets(topic)
        for (const { partition, offset } of partitions) {
          const { high, low } = ends.find((end) => end.partition === partition)!
          // A group that has committed nothing begins with the oldest message.
          lag.set(`${topic}/${partition}`, Number(high) - (Number(offset) >= 0 ? Number(offset) : Number(low)))
        }
      }
    }
    return lag
  } finally {
    await admin.disconnect()
  }
}

function sum(lag: Lag): number {
  return [...lag.values()].reduce((total, one) => total + one, 0)
}

async function settled(read: () => Promise<Lag>): Promise<void> {
  let before = ''
  await until(
    async () => {
      const now = JSON.stringify([...(await read())])
      const same = now === before
      before = now
      return same
    },
    'the lag stays the same',
    7_000,
  )
}

async function until(condition: () => Promise<boolean>, what: string, everyMs = 500): Promise<void> {
  for (const startedMs = Date.now(); Date.now() - startedMs < 120_000; ) {
    await new Promise((resolve) => setTimeout(resolve, everyMs))
    if (await condition()) return
  }
  throw new Error(`within two minutes it was never so that ${what}`)
}
