package main

import (
	"io"
	"log/slog"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

func parseFloat(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

type ruleProblem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (e *engine) parseRuleFile(text string) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(text), false, model.UTF8Validation, e.parser, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// checkRules gives every problem that Prometheus has with a rule file, in its own words.
func checkRules(e *engine, input, _ []byte) (any, []byte, error) {
	text, err := decode[string](input)
	if err != nil {
		return nil, nil, err
	}
	problems := []ruleProblem{}
	_, errs := e.parseRuleFile(text)
	for _, err := range errs {
		problems = append(problems, placed(err.Error())...)
	}
	sort.SliceStable(problems, func(i, j int) bool {
		if problems[i].Line != problems[j].Line {
			return problems[i].Line < problems[j].Line
		}
		return problems[i].Message < problems[j].Message
	})
	return problems, nil, nil
}

var (
	placePrefix = regexp.MustCompile(`^(\d+):(\d+): (?s)(.*)$`)
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s)(.*)$`)
)

// placed takes the place out of a message: `12:5: ...` of rulefmt, `line 12: ...` of the YAML reader (several in one).
func placed(message string) []ruleProblem {
	if rest, found := strings.CutPrefix(message, "yaml: unmarshal errors:\n"); found {
		var problems []ruleProblem
		for line := range strings.SplitSeq(rest, "\n") {
			problems = append(problems, placed(strings.TrimSpace(line))...)
		}
		return problems
	}
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		line, _ := strconv.Atoi(match[1])
		return []ruleProblem{{line, 1, match[2]}}
	}
	if match := placePrefix.FindStringSubmatch(message); match != nil {
		line, _ := strconv.Atoi(match[1])
		column, _ := strconv.Atoi(match[2])
		rest := placePrefix.FindStringSubmatch(match[3])
		if rest != nil {
			// Two places: the first may be that of a field which is not there.
			if line == 0 {
				line, _ = strconv.Atoi(rest[1])
				column, _ = strconv.Atoi(rest[2])
			}
			return []ruleProblem{{line, column, rest[3]}}
		}
		return []ruleProblem{{line, column, match[3]}}
	}
	return []ruleProblem{{0, 0, message}}
}

type parsedGroup struct {
	Name          string            `json:"name"`
	IntervalMs    *int64            `json:"intervalMs,omitempty"`
	QueryOffsetMs *int64            `json:"queryOffsetMs,omitempty"`
	Limit         int               `json:"limit"`
	Labels        map[string]string `json:"labels"`
	Line          int               `json:"line"`
	Rules         []parsedRule      `json:"rules"`
}

type parsedRule struct {
	Name            string            `json:"name"`
	Kind            string            `json:"kind"`
	Expression      string            `json:"expression"`
	ForMs           int64             `json:"forMs"`
	KeepFiringForMs int64             `json:"keepFiringForMs"`
	Labels          map[string]string `json:"labels"`
	Annotations     map[string]string `json:"annotations"`
	Line            int               `json:"line"`
	Column          int               `json:"column"`
	ExpressionLine  int               `json:"expressionLine"`
}

// parseRules gives the groups of a good rule file.
func parseRules(e *engine, input, _ []byte) (any, []byte, error) {
	text, err := decode[string](input)
	if err != nil {
		return nil, nil, err
	}
	groups, errs := e.parseRuleFile(text)
	if len(errs) > 0 {
		return nil, nil, errs[0]
	}
	// Prometheus keeps no places of good rules; the same document, read for its places.
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, nil, err
	}
	parsed := []parsedGroup{}
	groupNodes := childrenOf(child(rootOf(&document), "groups"))
	for g, group := range groups.Groups {
		one := parsedGroup{
			Name:       group.Name,
			IntervalMs: milliseconds(time.Duration(group.Interval), group.Interval != 0),
			Limit:      group.Limit,
			Labels:     orEmpty(group.Labels),
			Line:       groupNodes[g].Line,
			Rules:      []parsedRule{},
		}
		if group.QueryOffset != nil {
			one.QueryOffsetMs = milliseconds(time.Duration(*group.QueryOffset), true)
		}
		ruleNodes := childrenOf(child(groupNodes[g], "rules"))
		for r, rule := range group.Rules {
			name, kind, key := rule.Alert, "alerting", "alert"
			if rule.Record != "" {
				name, kind, key = rule.Record, "recording", "record"
			}
			node := keyOf(ruleNodes[r], key)
			one.Rules = append(one.Rules, parsedRule{
				Name:            name,
				Kind:            kind,
				Expression:      rule.Expr,
				ForMs:           time.Duration(rule.For).Milliseconds(),
				KeepFiringForMs: time.Duration(rule.KeepFiringFor).Milliseconds(),
				Labels:          orEmpty(rule.Labels),
				Annotations:     orEmpty(rule.Annotations),
				Line:            node.Line,
				Column:          node.Column,
				ExpressionLine:  child(ruleNodes[r], "expr").Line,
			})
		}
		parsed = append(parsed, one)
	}
	return parsed, nil, nil
}

func milliseconds(duration time.Duration, stated bool) *int64 {
	if !stated {
		return nil
	}
	value := duration.Milliseconds()
	return &value
}

func orEmpty(set map[string]string) map[string]string {
	if set == nil {
		return map[string]string{}
	}
	return set
}

var nowhere = &yaml.Node{}

func rootOf(document *yaml.Node) *yaml.Node {
	if document.Kind == yaml.DocumentNode && len(document.Content) > 0 {
		return resolve(document.Content[0])
	}
	return nowhere
}

func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func child(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
		if node.Content[i].Value == key {
			return resolve(node.Content[i+1])
		}
	}
	return nowhere
}

func keyOf(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i]
		}
	}
	return node
}

func childrenOf(node *yaml.Node) []*yaml.Node {
	children := make([]*yaml.Node, 0, len(node.Content))
	for _, one := range node.Content {
		children = append(children, resolve(one))
	}
	return children
}

type expressionFacts struct {
	Type       string          `json:"type"`
	Canonical  string          `json:"canonical"`
	Selectors  []selectorFacts `json:"selectors"`
	Functions  []string        `json:"functions"`
	Threshold  *threshold      `json:"threshold,omitempty"`
	LookbackMs int64           `json:"lookbackMs"`
}

type threshold struct {
	Operator string  `json:"operator"`
	Value    float64 `json:"value"`
	Left     string  `json:"left"`
}

type selectorFacts struct {
	Selector string         `json:"selector"`
	Metric   string         `json:"metric,omitempty"`
	Matchers []matcherFacts `json:"matchers"`
	RangeMs  int64          `json:"rangeMs"`
	OffsetMs int64          `json:"offsetMs"`
	Absent   bool           `json:"absent"`
}

type matcherFacts struct {
	Name     string `json:"name"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

// inspect says what an expression reads and gives, from the real syntax tree.
func inspect(e *engine, input, _ []byte) (any, []byte, error) {
	text, err := decode[string](input)
	if err != nil {
		return nil, nil, err
	}
	expression, err := e.parser.ParseExpr(text)
	if err != nil {
		return nil, nil, queryError{err}
	}
	facts := expressionFacts{
		Type:      string(expression.Type()),
		Canonical: expression.String(),
		Selectors: []selectorFacts{},
		Functions: []string{},
		Threshold: thresholdOf(expression),
	}
	functions := map[string]bool{}
	parser.Inspect(expression, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.Call:
			functions[n.Func.Name] = true
		case *parser.VectorSelector:
			one, lookback := selectorOf(n, path)
			facts.Selectors = append(facts.Selectors, one)
			facts.LookbackMs = max(facts.LookbackMs, lookback)
		}
		return nil
	})
	for name := range functions {
		facts.Functions = append(facts.Functions, name)
	}
	sort.Strings(facts.Functions)
	return facts, nil, nil
}

func selectorOf(selector *parser.VectorSelector, path []parser.Node) (selectorFacts, int64) {
	bare := *selector
	bare.OriginalOffset, bare.Offset, bare.Timestamp, bare.StartOrEnd = 0, 0, nil, 0
	one := selectorFacts{
		Selector: bare.String(),
		OffsetMs: selector.OriginalOffset.Milliseconds(),
		Matchers: []matcherFacts{},
	}
	for _, matcher := range selector.LabelMatchers {
		one.Matchers = append(one.Matchers, matcherFacts{matcher.Name, matcher.Type.String(), matcher.Value})
		if matcher.Name == model.MetricNameLabel && matcher.Type.String() == "=" {
			one.Metric = matcher.Value
		}
	}
	back := selector.OriginalOffset
	direct := false
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *parser.MatrixSelector:
			if i == len(path)-1 {
				one.RangeMs = n.Range.Milliseconds()
				back += n.Range
				direct = true
			}
		case *parser.SubqueryExpr:
			back += n.Range + n.OriginalOffset
		case *parser.Call:
			if n.Func.Name == "absent" || n.Func.Name == "absent_over_time" {
				one.Absent = true
			}
		}
	}
	if !direct {
		back += lookbackDelta
	}
	return one, max(0, back.Milliseconds())
}

// thresholdOf finds a comparison with a number at the top of an expression.
func thresholdOf(expression parser.Expr) *threshold {
	for {
		paren, ok := expression.(*parser.ParenExpr)
		if !ok {
			break
		}
		expression = paren.Expr
	}
	binary, ok := expression.(*parser.BinaryExpr)
	if !ok || !binary.Op.IsComparisonOperator() {
		return nil
	}
	if value, ok := numberOf(binary.RHS); ok {
		return &threshold{binary.Op.String(), value, binary.LHS.String()}
	}
	if value, ok := numberOf(binary.LHS); ok {
		return &threshold{mirrored(binary.Op.String()), value, binary.RHS.String()}
	}
	return nil
}

func numberOf(expression parser.Expr) (float64, bool) {
	switch n := expression.(type) {
	case *parser.NumberLiteral:
		return n.Val, !math.IsNaN(n.Val) && !math.IsInf(n.Val, 0)
	case *parser.ParenExpr:
		return numberOf(n.Expr)
	case *parser.UnaryExpr:
		value, ok := numberOf(n.Expr)
		if n.Op == parser.SUB {
			value = -value
		}
		return value, ok
	}
	return 0, false
}

func mirrored(operator string) string {
	switch operator {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return operator
}
