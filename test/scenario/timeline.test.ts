/** The list of steps that the world plays. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DrillEvent } from '../../simulator/scenario/scenario.ts'
import { severityAt, timelineOf } from '../../simulator/scenario/timeline.ts'

function eventOf(fields: Partial<DrillEvent>): DrillEvent {
  const severity = { from: 1, to: 1, overMs: 0 }
  return { id: 'a', fault: 'link.loss', startMs: 0, endMs: 60_000, ends: true, severity, params: {}, ...fields }
}

function shown(events: DrillEvent[]): string[] {
  return timelineOf({ events }).map(({ atMs, event, action, severity }) => `${atMs} ${event.id} ${action} ${severity}`)
}

describe('the timeline', () => {
  it('starts and stops a fault', () => {
    expect(shown([eventOf({ startMs: 1000, endMs: 4000 })])).toEqual(['1000 a start 1', '4000 a stop 0'])
  })

  it('does not stop what lasts to the end of the drill', () => {
    expect(shown([eventOf({ ends: false })])).toEqual(['0 a start 1'])
  })

  it('plays a ramp in steps of 5 s and ends it exactly', () => {
    const ramp = eventOf({ severity: { from: 0, to: 0.6, overMs: 12_000 } })
    expect(shown([ramp])).toEqual([
      '0 a start 0',
      '5000 a severity 0.25',
      '10000 a severity 0.5',
      '12000 a severity 0.6',
      '60000 a stop 0',
    ])
  })

  it('cuts a ramp where the event ends', () => {
    const ramp = eventOf({ endMs: 10_000, severity: { from: 1, to: 0, overMs: 20_000 } })
    expect(shown([ramp])).toEqual(['0 a start 1', '5000 a severity 0.75', '10000 a stop 0'])
  })

  it('stops one fault before another starts at the same time', () => {
    const second = eventOf({ id: 'b', startMs: 60_000, endMs: 90_000 })
    expect(shown([second, eventOf({})])).toEqual(['0 a start 1', '60000 a stop 0', '60000 b start 1', '90000 b stop 0'])
  })

  it('is in order, and says what severityAt says, for any events', () => {
    const anyEvent = fc
      .record({
        startMs: fc.nat(600_000),
        holdMs: fc.integer({ min: 1, max: 600_000 }),
        ends: fc.boolean(),
        from: fc.double({ min: 0, max: 1, noNaN: true }),
        to: fc.double({ min: 0, max: 1, noNaN: true }),
        overMs: fc.nat(300_000),
      })
      .map(({ startMs, holdMs, ends, from, to, overMs }) =>
        eventOf({ startMs, endMs: startMs + holdMs, ends, severity: { from, to, overMs } }),
      )
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 5 }), (events) => {
        const steps = timelineOf({ events })
        for (const [i, step] of steps.entries()) {
          expect(step.atMs).toBeGreaterThanOrEqual(steps[i - 1]?.atMs ?? 0)
          expect(step.severity).toBeCloseTo(severityAt(step.event, step.atMs), 12)
          expect(step.severity).toBeGreaterThanOrEqual(0)
          expect(step.severity).toBeLessThanOrEqual(1)
        }
        for (const event of events) {
          const own = steps.filter((step) => step.event === event)
          expect(own[0]!.action).toBe('start')
          expect(own.filter(({ action }) => action === 'stop').length).toBe(event.ends ? 1 : 0)
        }
      }),
      { numRuns: 50 },
    )
  })
})
