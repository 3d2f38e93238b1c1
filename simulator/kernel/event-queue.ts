/**
 * What happens next: a binary heap ordered by (time, sequence). Events of the same instant run in the order in which
 * they were scheduled; a heap alone does not promise that.
 */
export class EventQueue {
  /** Parallel arrays instead of objects: pushing an event allocates nothing. */
  readonly #times: number[] = []
  readonly #sequences: number[] = []
  readonly #actions: (() => void)[] = []
  #nextSequence = 0

  get size(): number {
    return this.#times.length
  }

  /** Time of the next event, Infinity when there is none. */
  get nextTime(): number {
    return this.#times.length > 0 ? this.#times[0]! : Number.POSITIVE_INFINITY
  }

  push(time: number, action: () => void): void {
    const times = this.#times
    const sequences = this.#sequences
    const actions = this.#actions
    const sequence = this.#nextSequence++
    let hole = times.length
    times.push(time)
    sequences.push(sequence)
    actions.push(action)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      // A later sequence never passes an equal time, so the parent's sequence need not be compared.
      if (times[parent]! <= time) break
      times[hole] = times[parent]!
      sequences[hole] = sequences[parent]!
      actions[hole] = actions[parent]!
      hole = parent
    }
    times[hole] = time
    sequences[hole] = sequence
    actions[hole] = action
  }

  /** Removes and returns the next event's action. The queue must not be empty. */
  pop(): () => void {
    const times = this.#times
    const sequences = this.#sequences
    const actions = this.#actions
    const first = actions[0]!
    const time = times.pop()!
    const sequence = sequences.pop()!
    const action = actions.pop()!
    const size = times.length
    if (size === 0) return first
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= size) break
      let least = times[child]!
      const right = child + 1
      if (right < size) {
        const other = times[right]!
        if (other < least || (other === least && sequences[right]! < sequences[child]!)) {
          child = right
          least = other
        }
      }
      if (least > time || (least === time && sequences[child]! > sequence)) break
      times[hole] = least
      sequences[hole] = sequences[child]!
      actions[hole] = actions[child]!
      hole = child
    }
    times[hole] = time
    sequences[hole] = sequence
    actions[hole] = action
    return first
  }
}
