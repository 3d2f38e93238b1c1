/** Which drills are simulated together, and which are shown to a mutant, in which order. */
import { expect, test } from 'vitest'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { drillsToShow } from '../../simulator/score/mutant-order.ts'
import { sameCourses } from '../../simulator/score/record-drills.ts'

type Kind = 'fires' | 'silent' | 'may' | 'pending-only'

function drill(
  name: string,
  minutes: number,
  alerts: Readonly<Record<string, Kind>>,
  more: Partial<Drill> = {},
): Drill {
  const stage = { startMs: 0, endMs: minutes * 60_000, fromPerSecond: 40, toPerSecond: 40, daily: 0 }
  const expected = Object.fromEntries(Object.entries(alerts).map(([alert, kind]) => [alert, { kind }]))
  return {
    name,
    seed: 1,
    startMs: 0,
    lengthMs: minutes * 60_000,
    load: [stage],
    events: [],
    observe: [],
    expect: { alerts: expected, otherwise: 'silent' },
    ...more,
  } as unknown as Drill
}

const fault = { events: [{ id: 'crash', startMs: 60_000 }] } as unknown as Partial<Drill>
const namesOf = (drills: readonly Drill[]) => drills.map(({ name }) => name)

test('quiet drills that differ in length alone go the same way, the longest first', () => {
  const courses = sameCourses([drill('a', 20, {}), drill('b', 30, {}), drill('c', 30, {}, { seed: 2 })])
  expect(courses.map(namesOf)).toEqual([['b', 'a'], ['c']])
})

test('drills with a fault go the same way only when all of it is the same', () => {
  const courses = sameCourses([drill('a', 20, {}, fault), drill('b', 30, {}, fault), drill('c', 20, {}, fault)])
  expect(courses.map(namesOf)).toEqual([['a', 'c'], ['b']])
})

test('a load that still changes at the end depends on the length', () => {
  const rising = { load: [{ startMs: 0, endMs: 1, fromPerSecond: 1, toPerSecond: 2, daily: 0 }] }
  expect(sameCourses([drill('a', 20, {}, rising), drill('b', 30, {})])).toHaveLength(2)
})

test('drills that make the alert fire come first, then those that name it, and the shorter before the longer', () => {
  const drills = [
    drill('other', 10, {}),
    drill('below', 10, { A: 'silent' }),
    drill('long', 50, { A: 'fires' }),
    drill('short', 20, { A: 'fires' }),
    drill('brief', 30, { A: 'pending-only' }),
  ]
  const courses = drills.map((one) => [one])
  expect(namesOf(drillsToShow(courses, ['A']))).toEqual(['short', 'long', 'brief', 'below', 'other'])
})

test('drills in which the alert may do anything are left out, and shorter ones of the same way where silence is expected', () => {
  const courses = [[drill('may', 10, { A: 'may' })], [drill('long', 30, {}), drill('short', 20, { A: 'silent' })]]
  expect(namesOf(drillsToShow(courses, ['A']))).toEqual(['long'])
})
