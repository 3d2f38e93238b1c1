package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

func parseFloat(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

func (e *engine) parseRuleFile(text string) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(text), false, model.UTF8Validation, e.parser, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// checkRules gives every problem that Prometheus has with a rule file, in its own words.
func checkRules(e *engine, input, _ []byte) (any, []byte, error) {
	text, err := decode[string](input)
	if err != nil {
		return nil, nil, err
	}
	if len(text) > maxRuleFileBytes {
		return []ruleProblem{{1, 1, fmt.Sprintf("the file is larger than %d bytes", maxRuleFileBytes)}}, nil, nil
	}
	problems := []ruleProblem{}
	file := newRuleFile(text)
	// What the parser would be lost in is found first.
	for _, group := range file.groups {
		for _, rule := range childrenOf(child(group, "rules")) {
			node := child(rule, "expr")
			if err := checkExpressionSize(node.Value); err != nil {
				problems = append(problems, ruleProblem{node.Line, node.Column, err.Error()})
			}
		}
	}
	if len(problems) > 0 {
		return problems, nil, nil
	}
	_, errs := e.parseRuleFile(text)
	for _, err := range errs {
		problems = append(problems, file.problemsOf(err)...)
	}
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := problems[i], problems[j]
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message)) < 0
	})
	return slices.Compact(problems), nil, nil
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

// matchesName says which of some metric names the matchers of a selector let through.
func matchesName(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[struct {
		Selector string   `json:"selector"`
		Names    []string `json:"names"`
	}](input)
	if err != nil {
		return nil, nil, err
	}
	matchers, err := e.parser.ParseMetricSelector(request.Selector)
	if err != nil {
		return nil, nil, queryError{err}
	}
	matching := []string{}
	for _, name := range request.Names {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
			return m.Name == labels.MetricName && !m.Matches(name)
		}) {
			matching = append(matching, name)
		}
	}
	return matching, nil, nil
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
	// Uses @ start() or @ end(): in a rule both are the time of the evaluation, in a range query they are not.
	PerInstant bool `json:"perInstant"`
	// A negative offset or an @ with a time: reads what a server has not scraped yet.
	LooksAhead bool `json:"looksAhead"`
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
	if err := checkExpressionSize(text); err != nil {
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
		case *parser.SubqueryExpr:
			facts.modifiers(n.Timestamp, n.StartOrEnd, n.OriginalOffset)
		case *parser.VectorSelector:
			facts.modifiers(n.Timestamp, n.StartOrEnd, n.OriginalOffset)
			one, lookback := selectorOf(n, path)
			facts.Selectors = append(facts.Selectors, one)
			facts.LookbackMs = max(facts.LookbackMs, lookback)
		}
		return nil
	})
	if facts.LooksAhead {
		facts.LookbackMs = maxSafeInteger
	}
	for name := range functions {
		facts.Functions = append(facts.Functions, name)
	}
	sort.Strings(facts.Functions)
	return facts, nil, nil
}

// The largest whole number that JavaScript holds: for ever.
const maxSafeInteger = 1<<53 - 1

func (f *expressionFacts) modifiers(timestamp *int64, startOrEnd parser.ItemType, offset time.Duration) {
	f.PerInstant = f.PerInstant || startOrEnd != 0
	f.LooksAhead = f.LooksAhead || timestamp != nil || offset < 0
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
