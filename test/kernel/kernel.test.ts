import { expect, test } from 'vitest'
import { Kernel } from '../../simulator/kernel/kernel.ts'

test('all promise work of an instant comes to rest before time moves', async () => {
  const kernel = new Kernel()
  const seen: string[] = []
  kernel.at(10, () => {
    kernel.spawn(
      (async () => {
        for (let hop = 0; hop < 50; hop += 1) await Promise.resolve()
        seen.push(`chain done at ${kernel.nowMs}`)
      })(),
    )
  })
  kernel.at(11, () => seen.push(`next event at ${kernel.nowMs}`))
  await kernel.runUntil(20)
  expect(seen).toEqual(['chain done at 10', 'next event at 11'])
})

test('events of the same instant run in the order in which they were scheduled', async () => {
  const kernel = new Kernel()
  const seen: number[] = []
  for (let i = 0; i < 20; i += 1) kernel.at(5, () => seen.push(i))
  await kernel.runUntil(5)
  expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i))
})

test('a run goes up to and including its end, and the next run goes on from there', async () => {
  const kernel = new Kernel()
  const seen: number[] = []
  for (const ms of [1, 2, 3]) kernel.at(ms, () => seen.push(kernel.nowMs))
  await kernel.runUntil(2)
  expect(seen).toEqual([1, 2])
  expect(kernel.nowMs).toBe(2)
  await kernel.runUntil(10)
  expect(seen).toEqual([1, 2, 3])
})

test('a flow that rejects stops the run with its error', async () => {
  const kernel = new Kernel()
  kernel.at(1, () => kernel.spawn(kernel.sleep(1).then(() => Promise.reject(new Error('a bug')))))
  await expect(kernel.runUntil(10)).rejects.toThrow('a bug')
})
