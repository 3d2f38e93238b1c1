import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseShard, shardOf, unshard } from '../../simulator/cli/shard.ts'

test('the shards of any list, joined, are the list', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 9 }), (items, count) => {
      const shards = Array.from({ length: count }, (_, i) => shardOf(items, { index: i + 1, count }))
      expect(unshard(shards)).toEqual(items)
    }),
  )
})

test('a shard is written as i/n', () => {
  expect(parseShard('2/5')).toEqual({ index: 2, count: 5 })
  for (const wrong of ['0/5', '6/5', '2', '2/', 'a/b', '1/0', '-1/2']) expect(() => parseShard(wrong)).toThrow('i/n')
})
