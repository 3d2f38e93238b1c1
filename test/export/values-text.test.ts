import { expect, test } from 'vitest'
import { SampleGrid, valuesText } from '../../simulator/export/promtool-test.ts'

test.each([
  [[1, 1, 1, 1], '1x3'],
  [[1, 1], '1 1'],
  [[1, 2, 3, 4], '1+1x3'],
  [[9, 6, 3], '9-3x2'],
  [[undefined, undefined, 5], '_x2 5'],
  [[5, undefined, 'stale', 0.1], '5 _ stale 0.1'],
  [[0.1, 0.2, 0.3], '0.1 0.2 0.3'],
  [[Number.NaN, Number.POSITIVE_INFINITY, -1], 'NaN Inf -1'],
] as [(number | undefined | 'stale')[], string][])('%j is written as %s', (values, text) => {
  expect(valuesText(values)).toBe(text)
})

test('a sample counts at the next middle between two points of the grid, the last one where several do', () => {
  const grid = new SampleGrid(20_000, 1_000)
  grid.add([
    { labels: { __name__: 'x' }, timesMs: [1_000, 5_000, 11_000, 31_000], values: [1, 2, 3, Number.NaN], stale: [3] },
  ])
  expect(grid.series()).toEqual([{ labels: { __name__: 'x' }, values: [undefined, 3, undefined, 'stale'] }])
})
