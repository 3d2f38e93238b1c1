package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// A call can't be interrupted: no timer fires inside of it. So the work that one call may do is bounded by what can be
// counted, and whoever runs this module ends the whole worker when even that takes too long.
const (
	// Points that one query may hold at a time (16 bytes each). The server's own default is 50 million.
	maxSamples = 10_000_000
	// Series and samples that one query may look at (Prometheus's query cost limits).
	maxSeriesRead  = 1_000_000
	maxSamplesRead = 500_000_000
	// Of an expression: brackets inside of each other, and tokens. Parser and evaluation recurse, and a WebAssembly stack
	// that is used up can't be caught.
	maxNesting = 200
	maxTokens  = 20_000
	// Binary operators of one expression: each chain of them is as deep as it is long.
	maxOperators = 500
	// Bytes of a rule file, and of one expression.
	maxRuleFileBytes   = 16 << 20
	maxExpressionBytes = 1 << 20
	// What one template may do: turns of loops, calls of defined templates and queries together; and bytes that it may make.
	maxTemplateTurns = 100_000
	maxTemplateBytes = 1 << 20
)

// limitError says that a bound was reached: nothing is known about whether the query or template is right.
type limitError struct{ error }

// queryFailure tells a reached limit from a mistake in the query.
func queryFailure(err error) error {
	var samples promql.ErrTooManySamples
	var samplesRead promql.ErrTooManySamplesRead
	var series promql.ErrTooManySeries
	var limit limitError
	if errors.As(err, &samples) || errors.As(err, &samplesRead) || errors.As(err, &series) {
		return limitError{err}
	}
	if errors.As(err, &limit) {
		return limit
	}
	return queryError{err}
}

// checkExpressionSize refuses what the parser or the evaluation would be lost in.
func checkExpressionSize(expression string) error {
	if len(expression) > maxExpressionBytes {
		return limitError{fmt.Errorf("the expression is longer than %d bytes", maxExpressionBytes)}
	}
	depth, tokens, operators, prefix := 0, 0, 0, 0
	lexer := parser.Lex(expression)
	var item parser.Item
	for {
		lexer.NextItem(&item)
		switch {
		case item.Typ == parser.EOF || item.Typ == parser.ERROR:
			return nil
		case item.Typ == parser.LEFT_PAREN || item.Typ == parser.LEFT_BRACE || item.Typ == parser.LEFT_BRACKET:
			depth++
		case item.Typ == parser.RIGHT_PAREN || item.Typ == parser.RIGHT_BRACE || item.Typ == parser.RIGHT_BRACKET:
			depth--
		case item.Typ.IsOperator():
			operators++
			prefix++
		}
		if !item.Typ.IsOperator() {
			prefix = 0
		}
		tokens++
		switch {
		case depth > maxNesting || prefix > maxNesting:
			return limitError{fmt.Errorf("the expression is nested deeper than %d levels", maxNesting)}
		case operators > maxOperators:
			return limitError{fmt.Errorf("the expression has more than %d operators", maxOperators)}
		case tokens > maxTokens:
			return limitError{fmt.Errorf("the expression has more than %d tokens", maxTokens)}
		}
	}
}

var (
	errTemplateTurns = fmt.Errorf("the template takes more than %d turns", maxTemplateTurns)
	errTemplateBytes = fmt.Errorf("the template makes more than %d bytes", maxTemplateBytes)
)

// templateBudget is what a template has left while it is tried.
type templateBudget struct{ turns, bytes int }

// turn is called at the start of each turn of a loop and of each defined template. It renders as nothing.
func (b *templateBudget) turn() (string, error) {
	b.turns--
	if b.turns < 0 {
		return "", errTemplateTurns
	}
	return "", nil
}

func (b *templateBudget) spend(text string) (string, error) {
	b.bytes -= len(text)
	if b.bytes < 0 {
		return "", errTemplateBytes
	}
	return text, nil
}

// functions are those that can make text longer; each counts what it makes.
func (b *templateBudget) functions() template.FuncMap {
	counted := func(make func(args ...any) string) func(args ...any) (string, error) {
		return func(args ...any) (string, error) { return b.spend(make(args...)) }
	}
	return template.FuncMap{
		turnFunction: b.turn,
		"print":      counted(fmt.Sprint),
		"println":    counted(fmt.Sprintln),
		"html":       counted(template.HTMLEscaper),
		"js":         counted(template.JSEscaper),
		"urlquery":   counted(template.URLQueryEscaper),
		"printf": func(format string, args ...any) (string, error) {
			if err := b.checkWidths(format); err != nil {
				return "", err
			}
			return b.spend(fmt.Sprintf(format, args...))
		},
		"reReplaceAll": func(pattern, replacement, text string) (string, error) {
			if (len(text)+1)*len(replacement) > maxTemplateBytes {
				return "", errTemplateBytes
			}
			return b.spend(regexp.MustCompile(pattern).ReplaceAllString(text, replacement))
		},
	}
}

// checkWidths counts the widths of a format before anything is made of them.
func (b *templateBudget) checkWidths(format string) error {
	width, sum := 0, 0
	for _, c := range format {
		if c >= '0' && c <= '9' {
			width = min(width*10+int(c-'0'), maxTemplateBytes+1)
		} else {
			sum += width
			width = 0
		}
		if sum > maxTemplateBytes {
			return errTemplateBytes
		}
	}
	return nil
}

const turnFunction = "__turn"

// withTurns puts a call of turn at the start of each loop and of each defined template.
func withTurns(text string) string {
	var out strings.Builder
	last := 0
	for _, action := range templateActions(text) {
		switch action.word {
		case "range", "define", "block":
			out.WriteString(text[last:action.end])
			// The white space behind the action is trimmed, or not, as before.
			if action.trimsRight {
				out.WriteString("{{" + turnFunction + " -}}")
			} else {
				out.WriteString("{{" + turnFunction + "}}")
			}
			last = action.end
		}
	}
	out.WriteString(text[last:])
	return out.String()
}

// templateAction is one {{...}} of a template: its place in the text, and its first word.
type templateAction struct {
	start, end int
	word       string
	trimsRight bool
}

// templateActions finds the actions of a template, as text/template's lexer does; comments are left out.
func templateActions(text string) []templateAction {
	var actions []templateAction
	for at := 0; ; {
		open := strings.Index(text[at:], "{{")
		if open < 0 {
			return actions
		}
		start := at + open
		inner := start + 2
		if strings.HasPrefix(text[inner:], "- ") {
			inner += 2
		}
		if strings.HasPrefix(strings.TrimLeft(text[inner:], " \t\r\n"), "/*") {
			end := strings.Index(text[inner:], "*/")
			if end < 0 {
				return actions
			}
			at = inner + end + 2
			continue
		}
		end := endOfAction(text, inner)
		if end < 0 {
			actions = append(actions, templateAction{start: start, end: len(text), word: firstWord(text[inner:])})
			return actions
		}
		actions = append(actions, templateAction{
			start:      start,
			end:        end,
			word:       firstWord(text[inner : end-2]),
			trimsRight: strings.HasSuffix(text[inner:end-2], " -"),
		})
		at = end
	}
}

// endOfAction gives the position behind the closing braces, or -1. Braces inside of quotes close nothing.
func endOfAction(text string, at int) int {
	for at < len(text) {
		switch c := text[at]; {
		case c == '"' || c == '\'' || c == '`':
			closing := at + 1
			for closing < len(text) && text[closing] != c {
				if text[closing] == '\\' && c != '`' {
					closing++
				}
				closing++
			}
			at = closing + 1
		case strings.HasPrefix(text[at:], "}}"):
			return at + 2
		default:
			at++
		}
	}
	return -1
}

func firstWord(action string) string {
	fields := strings.FieldsFunc(action, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '(' })
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// background is the context of every query: nothing cancels it.
var background = context.Background()
