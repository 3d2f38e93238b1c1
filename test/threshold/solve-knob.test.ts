/** Turning a cause until a read-out is right: found, found to be right already, or said why not. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadScenario } from '../../simulator/scenario/load-scenario.ts'
import { solveKnob } from '../../simulator/threshold/solve-knob.ts'

const knob = { nothing: 0, current: 10, most: 1000, step: 0.5 }

function solved(read: (value: number) => number | undefined, target: number, more: Partial<typeof knob> = {}) {
  const search = { knob: { ...knob, ...more }, target, tolerance: 0.01, parallel: 2 }
  return solveKnob({ ...search, read: async (value) => read(value) })
}

test('a number that is right is asked once', async () => {
  const answer = await solved((value) => value * 100, 1000)
  expect(answer).toMatchObject({ isRight: true, value: 10, readOut: 1000, now: 1000 })
  expect(answer.probes).toHaveLength(1)
})

test('a number that is not right is found, in the steps in which the cause can be stated', async () => {
  expect(await solved((value) => value * 100, 430, { step: 0.1 })).toMatchObject({ isRight: false, value: 4.3 })
  // 4.3 can't be stated in halves, and 4.5 is not near enough.
  expect(await solved((value) => value * 100, 430)).toMatchObject({ isRight: false, value: null })
})

test('the cause is made stronger than in the scenario when that is needed', async () => {
  const answer = await solved((value) => value * value, 10_000)
  expect(answer).toMatchObject({ isRight: false, monotone: true })
  expect(Math.abs(answer.value! - 100)).toBeLessThan(1)
})

test('a read-out that falls as the cause grows is found as well', async () => {
  const remains = { nothing: 1, current: 0.5, most: 0, step: 0.01 }
  expect((await solved((value) => value * 200, 60, remains)).value).toBeCloseTo(0.3)
})

test('a read-out that turns round is told', async () => {
  expect((await solved((value) => Math.sin(value / 2), 0.5)).monotone).toBe(false)
})

test('a target that nothing reaches has no answer', async () => {
  const answer = await solved((value) => Math.min(value, 20), 5000)
  expect(answer).toMatchObject({ value: null, readOut: null, isRight: false })
  expect(answer.probes.at(-1)!.value).toBe(1000)
})

test('where there is nothing to read there is no answer', async () => {
  expect(await solved(() => undefined, 5)).toMatchObject({ now: null, value: null })
})

describe('in a scenario', () => {
  const twin = (solve: string, set = '{ fill.available: 0.3 }') => `
format: 1
scenario: tiny
title: A disk fills
clock: { length: 4m }
world: recommender-small
load: [{ perSecond: 2 }]
events: [{ id: fill, at: 2m, fault: disk.fill, target: { mountpoint: /data }, available: 0.1 }]
twins: [{ name: below, set: ${set}, solve: ${solve} }]
`
  const load = (text: string) =>
    loadScenario('tiny.yaml', {
      worldsFolder: 'scenarios/worlds',
      readFile: (path) => (path === 'tiny.yaml' ? Buffer.from(text) : readFileSync(path)),
    })

  test('a twin keeps how its number was found', () => {
    const { problems, drills } = load(twin('{ knob: fill.available, readout: up, target: 1 }'))
    expect(problems).toEqual([])
    expect(drills[1]!.solve).toMatchObject({ knob: 'fill.available', reduce: 'max', tolerance: 0.01 })
  })

  test('the number must be written down, and its event must be there', () => {
    const messages = (text: string) => load(text).problems.map(({ message }) => message)
    expect(messages(twin('{ knob: fill.available, readout: up, target: 1 }', '{}'))).toContain(
      'the value of fill.available must stand in "set"',
    )
    expect(messages(twin('{ knob: fil.available, readout: up, target: 1 }'))).toContain('no event is called "fil"')
  })
})
