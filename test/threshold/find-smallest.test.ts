import { expect, test } from 'vitest'
import { findSmallest, type Search } from '../../simulator/threshold/find-smallest.ts'
import { statedThreshold } from '../../simulator/threshold/text-number.ts'

function search(reached: (value: number) => boolean, more: Partial<Search> = {}) {
  const probe = async (value: number) => reached(value)
  return findSmallest({ weak: 0, strong: 1, tolerance: 0.01, step: 0.001, parallel: 2, probe, ...more })
}

test('the answer lies between a cause that is not enough and one that is, as near as asked for', async () => {
  const { from, below, monotone, probes } = await search((value) => value >= 0.317)
  expect(below).toBeLessThan(0.317)
  expect(from).toBeGreaterThanOrEqual(0.317)
  expect(from! - below!).toBeLessThanOrEqual(0.01)
  expect(monotone).toBe(true)
  expect(probes.length).toBeLessThan(15)
})

test('a cause that grows stronger as its number falls is found as well', async () => {
  const { from, below } = await search((value) => value <= 0.15, { weak: 1, strong: 0 })
  expect(from).toBeLessThanOrEqual(0.15)
  expect(below).toBeGreaterThan(0.15)
})

test('an outcome that goes away when the cause grows is said to be not monotone', async () => {
  const { monotone, from } = await search((value) => value > 0.2 && value < 0.6)
  expect(monotone).toBe(false)
  expect(from).toBeLessThan(0.3)
})

test('what happens without a cause, and what no cause can do', async () => {
  expect(await search(() => true)).toMatchObject({ from: 0, below: undefined })
  expect(await search(() => false)).toMatchObject({ from: undefined, below: 1 })
})

test('no probe is asked twice, and all are multiples of the step', async () => {
  const asked: number[] = []
  await search(
    (value) => {
      asked.push(value)
      return value >= 7.3
    },
    { strong: 20, step: 1, tolerance: 0.0001 },
  )
  expect(new Set(asked).size).toBe(asked.length)
  expect(asked.every(Number.isInteger)).toBe(true)
})

test.each([
  ['{{ $value | humanizePercentage }} failed over the last 5 minutes (threshold 5%).', 0.05],
  ['p95 is {{ $value }} (threshold 1s).', 1],
  ['stale for {{ $value }} (threshold 1h).', 3600],
  ['is 3 messages behind (threshold 10k).', 10_000],
  ['more than 2,500 requests per second', 2500],
  ['latency above 250 ms for 10 minutes', 0.25],
])('the text "%s" states %d', (text, value) => {
  expect(statedThreshold([text])?.value).toBe(value)
})

test('a number that a template renders, or a duration, is no threshold', () => {
  expect(
    statedThreshold(['could not be scraped for over 1 minute: up is {{ $value }}', '{{ if gt $value 5.0 }}x{{ end }}']),
  ).toBeUndefined()
})
