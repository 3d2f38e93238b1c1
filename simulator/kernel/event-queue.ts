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
    const sequence = this.#nextSequence++
    let hole = this.#times.length
    this.#times.push(time)
    this.#sequences.push(sequence)
    this.#actions.push(action)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      // A later sequence never passes an equal time, so the parent's sequence need not be compared.
      if (this.#times[parent]! <= time) break
      this.#move(parent, hole)
      hole = parent
    }
    this.#place(hole, time, sequence, action)
  }

  /** Removes and returns the next event's action. The queue must not be empty. */
  pop(): () => void {
    const first = this.#actions[0]!
    const time = this.#times.pop()!
    const sequence = this.#sequences.pop()!
    const action = this.#actions.pop()!
    const size = this.#times.length
    if (size === 0) return first
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= size) break
      if (child + 1 < size && this.#isBefore(child + 1, this.#times[child]!, this.#sequences[child]!)) child += 1
      if (!this.#isBefore(child, time, sequence)) break
      this.#move(child, hole)
      hole = child
    }
    this.#place(hole, time, sequence, action)
    return first
  }

  #isBefore(index: number, time: number, sequence: number): boolean {
    const other = this.#times[index]!
    return other < time || (other === time && this.#sequences[index]! < sequence)
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!
    this.#sequences[to] = this.#sequences[from]!
    this.#actions[to] = this.#actions[from]!
  }

  #place(at: number, time: number, sequence: number, action: () => void): void {
    this.#times[at] = time
    this.#sequences[at] = sequence
    this.#actions[at] = action
  }
}
