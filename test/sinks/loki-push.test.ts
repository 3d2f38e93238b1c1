/** What Loki is sent, read back field by field. */
import snappy from 'snappyjs'
import { expect, test } from 'vitest'
import { encodeLokiPush } from '../../simulator/sinks/loki-push.ts'

const line = (service: string, timestamp: string, more: object = {}) =>
  JSON.stringify({ level: 'INFO', timestamp, service, message: 'Größe 1 €', ...more })

test('lines are streams by service, environment and level, in the order of their times', () => {
  const late = line('ml-engine', '2026-01-05T09:00:01.250Z', { trace_id: 'ab12', user_id: '' })
  const early = line('ml-engine', '2026-01-05T09:00:00.000Z')
  const other = line('backend-api', '2026-01-05T09:00:00.500Z', { level: 'ERROR', request_id: 'req-1' })
  expect(decode(encodeLokiPush([late, other, early], 'test'))).toEqual([
    {
      labels: '{service="ml-engine", env="test", level="info"}',
      entries: [
        { seconds: 1_767_603_600, nanoseconds: 0, line: early, metadata: {} },
        { seconds: 1_767_603_601, nanoseconds: 250_000_000, line: late, metadata: { trace_id: 'ab12' } },
      ],
    },
    {
      labels: '{service="backend-api", env="test", level="error"}',
      entries: [{ seconds: 1_767_603_600, nanoseconds: 500_000_000, line: other, metadata: { request_id: 'req-1' } }],
    },
  ])
})

test('a line may be long', () => {
  const long = line('ml-engine', '2026-01-05T09:00:00.000Z', { text: 'ü'.repeat(100_000) })
  expect(decode(encodeLokiPush([long], 'test'))[0]!.entries[0]!.line).toBe(long)
})

type Field = { readonly field: number; readonly value: number | Buffer }

function decode(body: Uint8Array) {
  return fieldsOf(Buffer.from(snappy.uncompress(body))).map(({ value }) => {
    const stream = fieldsOf(value as Buffer)
    return {
      labels: String(one(stream, 1)),
      entries: stream
        .filter(({ field }) => field === 2)
        .map(({ value: entry }) => {
          const fields = fieldsOf(entry as Buffer)
          const time = fieldsOf(one(fields, 1) as Buffer)
          const pairs = fields.filter(({ field }) => field === 3).map((pair) => fieldsOf(pair.value as Buffer))
          return {
            seconds: one(time, 1),
            nanoseconds: one(time, 2),
            line: String(one(fields, 2)),
            metadata: Object.fromEntries(pairs.map((pair) => [String(one(pair, 1)), String(one(pair, 2))])),
          }
        }),
    }
  })
}

function one(fields: readonly Field[], wanted: number): number | Buffer {
  return fields.find(({ field }) => field === wanted)!.value
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = varint()
    if (tag % 8 === 0) fields.push({ field: tag >> 3, value: number })
    else {
      fields.push({ field: tag >> 3, value: bytes.subarray(at, at + number) })
      at += number
    }
  }
  return fields
}
