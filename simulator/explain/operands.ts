/** Which parts of a rule's expression are worth looking at over time, and what each is for. */
import { type ExpressionPart, takeApart } from './take-apart.ts'
import { type Unit, unitOf } from './units.ts'

export interface Operand {
  /** Position in the expression: `` for the whole, `0.1` for the second part of its first part. */
  readonly id: string
  /** How deep below the condition, for indentation. */
  readonly depth: number
  /**
   * `condition`: has a value while it is true. `signal`: what a comparison looks at. `threshold`: what it is compared
   * with, when that is no number. `part`: what a signal is made of.
   */
  readonly role: 'condition' | 'signal' | 'threshold' | 'part'
  readonly text: string
  readonly unit: Unit
  readonly metrics: readonly string[]
  /** Of a signal under a comparison. */
  readonly comparison: Comparison | undefined
}

export interface Comparison {
  /** Turned so that the signal stands on the left. */
  readonly operator: string
  /** Undefined: another operand, of the id that `thresholdId` says. */
  readonly threshold: number | undefined
  readonly thresholdId: string
}

/** How conditions are joined: a tree whose leaves are the signals. */
export type Condition =
  | { readonly kind: 'and' | 'or' | 'unless'; readonly id: string; readonly sides: readonly [Condition, Condition] }
  /** `conditionId`: the operand that has a value while this leaf is true. */
  | { readonly kind: 'signal'; readonly id: string; readonly conditionId: string }

export interface OperandPlan {
  readonly operands: readonly Operand[]
  readonly condition: Condition
}

const partsMax = 12
const depthMax = 4

/**
 * @param detail `signals`: only what is compared; `everything`: also what that is made of
 */
export function planOperands(expression: string, detail: 'signals' | 'everything'): OperandPlan {
  const root = takeApart(expression)
  if (!root) {
    const whole = { id: '', depth: 0, role: 'condition', text: expression, unit: 'none', metrics: [] } as const
    return { operands: [{ ...whole, comparison: undefined }], condition: { kind: 'signal', id: '', conditionId: '' } }
  }
  const operands: Operand[] = []
  const seen = new Set<string>()
  let parts = 0
  const condition = visitCondition(root, '', 0)
  return { operands, condition }

  function visitCondition(part: ExpressionPart, id: string, depth: number): Condition {
    if (part.kind === 'set') {
      add(part, id, depth, 'condition')
      const sides = [0, 1].map((i) => visitCondition(part.parts[i]!, child(id, i), depth + 1))
      return { kind: part.operator as 'and', id, sides: [sides[0]!, sides[1]!] }
    }
    if (part.kind !== 'comparison' || part.isBool) {
      add(part, id, depth, 'signal')
      visitParts(part, id, depth + 1)
      return { kind: 'signal', id, conditionId: id }
    }
    add(part, id, depth, 'condition')
    // `5 < x` says the same as `x > 5`.
    const at = part.parts[0]!.metrics.length === 0 && part.parts[1]!.metrics.length > 0 ? 1 : 0
    const [signal, other] = [part.parts[at]!, part.parts[1 - at]!]
    const thresholdId = child(id, 1 - at)
    const operator = at === 1 ? (turned[part.operator] ?? part.operator) : part.operator
    add(signal, child(id, at), depth + 1, 'signal', { operator, threshold: other.value, thresholdId })
    visitParts(signal, child(id, at), depth + 2)
    if (other.value === undefined) {
      add(other, thresholdId, depth + 1, 'threshold')
      visitParts(other, thresholdId, depth + 2)
    }
    return { kind: 'signal', id: child(id, at), conditionId: id }
  }

  /** The sides of what is calculated inside; what is only wrapped (`sum`, `rate`) shows nothing new. */
  function visitParts(part: ExpressionPart, id: string, depth: number): void {
    if (detail === 'signals' || depth > depthMax) return
    const joins = part.kind === 'arithmetic' || part.kind === 'set'
    part.parts.forEach((inner, i) => {
      if (inner.metrics.length === 0 || (inner.kind === 'other' && inner.parts.length === 0)) return
      if (joins && parts < partsMax && !seen.has(inner.text)) {
        parts += 1
        add(inner, child(id, i), depth, 'part')
      }
      visitParts(inner, child(id, i), joins ? depth + 1 : depth)
    })
  }

  function add(part: ExpressionPart, id: string, depth: number, role: Operand['role'], comparison?: Comparison): void {
    seen.add(part.text)
    operands.push({ id, depth, role, text: part.text, unit: unitOf(part), metrics: part.metrics, comparison })
  }
}

const turned: Readonly<Record<string, string>> = { '>': '<', '<': '>', '>=': '<=', '<=': '>=' }

function child(id: string, position: number): string {
  return id === '' ? String(position) : `${id}.${position}`
}
