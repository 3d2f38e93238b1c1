/** How many timer events a second the kernel drains, against a bare heap and against a drain by `setImmediate`. */
import { EventQueue } from '../../simulator/kernel/event-queue.ts'
import { Kernel } from '../../simulator/kernel/kernel.ts'
import type { Figure } from './figure.ts'
import { timed } from './figure.ts'

const events = 2_000_000
/** Timers that wait at the same time, as the loops and requests of a platform do. */
const actors = 500

export const kernelFigure: Figure = {
  name: 'kernel',
  title: 'timer events of the kernel, each with a full drain of promises',
  async measure() {
    const kernel = await timed(() => drainByKernel(events))
    const heap = await timed(() => drainHeap(events))
    const immediate = await timed(() => drainHeap(events / 10, nextTurn))
    const perSecond = events / kernel.processorSeconds
    return {
      value: perSecond / 1e6,
      unit: 'M events/s of processor time',
      target: { least: 1 },
      comparisons: [
        { to: 'the heap alone, without promises', ratio: perSecond / (events / heap.processorSeconds) },
        { to: 'the same heap drained by setImmediate', ratio: perSecond / (events / 10 / immediate.processorSeconds) },
      ],
      profile: 'node --cpu-prof dist/test/bench/main.js --only kernel',
    }
  },
}

async function drainByKernel(count: number): Promise<void> {
  const kernel = new Kernel()
  let left = count
  const delays = createDelays()
  const act = () => {
    if (left-- > actors) kernel.after(delays(), act)
  }
  for (let i = 0; i < actors; i += 1) kernel.after(delays(), act)
  await kernel.runUntil(Number.MAX_SAFE_INTEGER / 1000)
}

/** The same events taken from the kernel's heap by hand. */
async function drainHeap(count: number, afterEach?: () => Promise<void>): Promise<void> {
  const queue = new EventQueue()
  const delays = createDelays()
  const act = () => {}
  for (let i = 0; i < actors; i += 1) queue.push(delays(), act)
  for (let i = 0; i < count; i += 1) {
    const { nextTime } = queue
    queue.pop()()
    queue.push(nextTime + delays(), act)
    if (afterEach) await afterEach()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The same waits for everybody: a linear congruential generator, milliseconds. */
function createDelays(): () => number {
  let state = 42
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return 1 + (state >>> 22)
  }
}
