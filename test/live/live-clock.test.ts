/** The live clock: faster than the machine's, and right on average where single waits are too short for a timer. */
import { expect, test } from 'vitest'
import { createLiveClock, type Timers } from '../../services/runtime/live/live-clock.ts'

/** A machine whose timers fire half a millisecond late, as a real one's do on average. */
function machine(): Timers & { run(): void } {
  let nowMs = 1_000_000
  const due: { atMs: number; action: () => void }[] = []
  const add = (atMs: number, action: () => void) => {
    const entry = { atMs, action }
    due.push(entry)
    return () => {
      due.splice(due.indexOf(entry), 1)
    }
  }
  return {
    nowMs: () => nowMs,
    setTimeout: (action, ms) => add(nowMs + ms + 0.5, action),
    setImmediate: (action) => add(nowMs, action),
    run() {
      due.sort((a, b) => a.atMs - b.atMs)
      const next = due.shift()!
      nowMs = next.atMs
      next.action()
    },
  }
}

test('at speed 1 it is the clock of the machine', () => {
  const clock = createLiveClock(1_000_000, 1, machine())
  expect(clock.nowMs()).toBe(1_000_000)
})

test('at speed 60 a minute of the platform is a second of the machine', () => {
  const timers = machine()
  const clock = createLiveClock(1_000_000, 60, timers)
  let done = false
  clock.after(60_000, () => {
    done = true
  })
  timers.run()
  expect(done).toBe(true)
  expect(clock.nowMs() - 1_000_000).toBeGreaterThan(59_000)
  expect(clock.nowMs() - 1_000_000).toBeLessThan(62_000)
})

test('a thousand waits of 12 ms at speed 60 take 12 s of the platform together', () => {
  const timers = machine()
  const clock = createLiveClock(1_000_000, 60, timers)
  for (let i = 0; i < 1_000; i += 1) {
    clock.after(12, () => {})
    timers.run()
  }
  expect(clock.nowMs() - 1_000_000).toBeGreaterThan(11_000)
  expect(clock.nowMs() - 1_000_000).toBeLessThan(13_000)
})

test('a wait that was called off does not happen', () => {
  const timers = machine()
  const clock = createLiveClock(1_000_000, 1, timers)
  const called: string[] = []
  const cancel = clock.after(10, () => called.push('a'))
  clock.after(20, () => called.push('b'))
  cancel()
  timers.run()
  expect(called).toEqual(['b'])
})
