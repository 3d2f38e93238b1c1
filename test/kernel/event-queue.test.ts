import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from '../../simulator/kernel/event-queue.ts'

test('events leave the queue by time, and at the same time in the order in which they were scheduled', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (times) => {
      const queue = new EventQueue()
      const left: [time: number, sequence: number][] = []
      times.forEach((time, sequence) => {
        queue.push(time, () => left.push([time, sequence]))
      })
      while (queue.size > 0) queue.pop()()
      const expected = times.map((time, sequence): [number, number] => [time, sequence])
      expected.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      expect(left).toEqual(expected)
    }),
  )
})
