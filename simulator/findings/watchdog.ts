/** Alerts that are meant to fire always, so that their silence tells that the path to the pager is broken. */
import { type Expression, parseExpression } from '../alerts/expression-tree.ts'
import type { Rule } from '../alerts/load-rules.ts'

/** Whether the expression looks at no series at all, or the alert says that it is a watchdog. */
export function isAlwaysFiring(rule: Rule): boolean {
  if (/^(watchdog|deadmans?switch|alwaysfiring|heartbeat)$/i.test(rule.name.replaceAll(/[\W_]/g, ''))) return true
  const tree = parseExpression(rule.expression)
  return tree !== undefined && rule.facts.selectors.length === 0 && isConstant(tree)
}

function isConstant(expression: Expression): boolean {
  switch (expression.kind) {
    case 'number':
      return true
    case 'unary':
      return isConstant(expression.of)
    case 'call':
      return ['vector', 'scalar', 'pi'].includes(expression.name) && expression.arguments.every(isConstant)
    case 'binary':
      return isConstant(expression.left) && isConstant(expression.right)
    default:
      return false
  }
}
