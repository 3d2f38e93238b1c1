import { describe, expect, test } from 'vitest'
import { placeInTime } from '../../simulator/push/place-in-time.ts'
import { shippedDrill } from '../drill/run-scenario.ts'

const endingMs = Date.parse('2026-03-01T12:00:00Z')
const hourMs = 3_600_000

describe('a drill placed in time', () => {
  test('ends when it should, and is as long as before', () => {
    const drill = shippedDrill('service-down')
    const placed = placeInTime(drill, { endingMs })
    expect(placed.startMs + placed.lengthMs).toBe(endingMs)
    expect({ ...placed, startMs: drill.startMs }).toEqual(drill)
  })

  test('gets a quiet history: the same load, no fault, and everything else later', () => {
    const drill = shippedDrill('kafka-lag-spike')
    const placed = placeInTime(drill, { endingMs, historyMs: 6 * hourMs })
    const quietMs = 6 * hourMs - drill.lengthMs
    expect(placed.lengthMs).toBe(6 * hourMs)
    expect(placed.startMs).toBe(endingMs - 6 * hourMs)
    expect(placed.events[0]!.startMs).toBe(drill.events[0]!.startMs + quietMs)
    expect(placed.load[0]).toMatchObject({ startMs: 0, endMs: quietMs, fromPerSecond: 15, toPerSecond: 15 })
    expect(placed.load.at(-1)!.endMs).toBe(6 * hourMs)
    const [before, after] = [drill, placed].map(({ expect: { alerts } }) => alerts.DataPipelineProcessingLag)
    expect(after?.kind === 'fires' && before?.kind === 'fires' && after.firing[0] - before.firing[0]).toBe(quietMs)
  })

  test('keeps its own length when the history is shorter', () => {
    const drill = shippedDrill('service-down')
    expect(placeInTime(drill, { endingMs, historyMs: 60_000 }).lengthMs).toBe(drill.lengthMs)
  })
})
