package main

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// A rule with a subquery asks for the same steps at each evaluation, and again for each operand and panel that is looked
// at. Steps of a subquery stand at multiples of its step whenever it is asked, so each of them is computed once per store
// and kept as a series; the query then reads that series through a range selector. That is what Prometheus makes of a
// subquery, too, only anew for each query.
//
// What makes it exact: a step is kept only while no sample came in at its time or later, and only where the inner
// expression looks back alone (no @, no negative offset).

// maxMemoPoints bounds what all the memos of a store hold (16 bytes a point).
const maxMemoPoints = 2_000_000

// memo holds the steps of one subquery that are known: each multiple of stepMs from fromMs to untilMs.
type memo struct {
	name            string
	inner           string
	stepMs          int64
	fromMs, untilMs int64
	series          []*seriesData
	bySet           map[string]*seriesData
	used            int
	// Set when the inner expression failed, or gives more points than may be kept: queries are evaluated as they stand.
	givenUp bool
}

type memoKey struct {
	inner  string
	stepMs int64
}

// memoParser is the parser of the engine that evaluates: it puts range selectors in the place of subqueries that the
// store at hand has steps of. Whatever only looks at expressions uses the parser below it.
type memoParser struct {
	parser.Parser
	engine *engine
	store  *store
	// First and last time at which the query is evaluated.
	startMs, endMs int64
	// Memos that were asked for later than this are read by the query that is at work.
	since int
}

// ParseExpr implements parser.Parser.
func (p *memoParser) ParseExpr(input string) (parser.Expr, error) {
	expr, err := p.Parser.ParseExpr(input)
	if err != nil || p.store == nil {
		return expr, err
	}
	return p.replace(expr), nil
}

// at runs what parses and evaluates a query of this store at these times. Inner expressions are evaluated in between.
func (p *memoParser) at(s *store, startMs, endMs int64, run func()) {
	outer := *p
	if outer.store == nil {
		p.since = s.uses
	}
	p.store, p.startMs, p.endMs = s, startMs, endMs
	defer func() { *p = outer }()
	run()
}

// replace goes down to the subqueries that are evaluated at the times of the query itself.
func (p *memoParser) replace(expr parser.Expr) parser.Expr {
	switch node := expr.(type) {
	case *parser.SubqueryExpr:
		if selector := p.selectorFor(node); selector != nil {
			return selector
		}
	case *parser.Call:
		// Its labels come from the selector that it is given.
		if node.Func.Name == "absent_over_time" {
			return expr
		}
		for i, argument := range node.Args {
			node.Args[i] = p.replace(argument)
		}
	case *parser.AggregateExpr:
		node.Expr = p.replace(node.Expr)
		if node.Param != nil {
			node.Param = p.replace(node.Param)
		}
	case *parser.BinaryExpr:
		node.LHS = p.replace(node.LHS)
		node.RHS = p.replace(node.RHS)
	case *parser.ParenExpr:
		node.Expr = p.replace(node.Expr)
	case *parser.UnaryExpr:
		node.Expr = p.replace(node.Expr)
	}
	return expr
}

// selectorFor is nil where the subquery has to be evaluated as it stands.
func (p *memoParser) selectorFor(node *parser.SubqueryExpr) parser.Expr {
	if node.Timestamp != nil || node.StartOrEnd != 0 || !looksBack(node.Expr) {
		return nil
	}
	stepMs := node.Step.Milliseconds()
	if stepMs == 0 {
		stepMs = p.store.intervalMs
	}
	offsetMs := node.OriginalOffset.Milliseconds()
	kept := p.store.memo(node.Expr.String(), stepMs)
	if !p.know(kept, p.startMs-offsetMs-node.Range.Milliseconds(), p.endMs-offsetMs) {
		return nil
	}
	return &parser.MatrixSelector{
		VectorSelector: &parser.VectorSelector{
			OriginalOffset: node.OriginalOffset,
			LabelMatchers:  []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, labels.MetricName, kept.name)},
		},
		Range: node.Range,
	}
}

// looksBack tells whether a value at a time depends on samples up to that time only.
func looksBack(expr parser.Expr) bool {
	back := true
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			back = back && n.Timestamp == nil && n.StartOrEnd == 0 && n.OriginalOffset >= 0
		case *parser.SubqueryExpr:
			back = back && n.Timestamp == nil && n.StartOrEnd == 0 && n.OriginalOffset >= 0
		}
		return nil
	})
	return back
}

// know computes the steps in (afterMs, lastMs] that are not known yet. False: they can't be had this way.
func (p *memoParser) know(kept *memo, afterMs, lastMs int64) bool {
	s := p.store
	// What the query at work reads elsewhere must stay as it is.
	inUse := kept.used > p.since
	s.uses++
	kept.used = s.uses
	if kept.givenUp {
		return false
	}
	first, last := stepAfter(afterMs, kept.stepMs), stepAfter(lastMs, kept.stepMs)-kept.stepMs
	if first > last {
		return true
	}
	if kept.empty() || first > kept.untilMs+kept.stepMs || last < kept.fromMs-kept.stepMs {
		if inUse && !kept.empty() {
			return false
		}
		kept.clear()
		kept.fromMs, kept.untilMs = first, first-kept.stepMs
	}
	ok := true
	if last > kept.untilMs {
		ok = p.compute(kept, kept.untilMs+kept.stepMs, last)
	}
	if ok && first < kept.fromMs {
		ok = p.compute(kept, first, kept.fromMs-kept.stepMs)
	}
	if ok && s.makeRoom(p.since) {
		return true
	}
	kept.givenUp = true
	if !inUse {
		kept.clear()
	}
	return false
}

// compute evaluates the inner expression at the steps from first to last, which touch the known ones.
func (p *memoParser) compute(kept *memo, first, last int64) bool {
	var matrix promql.Matrix
	var failed error
	p.at(p.store, first, last, func() {
		query, err := p.engine.promql.NewRangeQuery(background, p.store, nil, kept.inner, time.UnixMilli(first), time.UnixMilli(last), time.Duration(kept.stepMs)*time.Millisecond)
		if err != nil {
			failed = err
			return
		}
		defer query.Close()
		result := query.Exec(background)
		if matrix, failed = result.Matrix(); failed == nil {
			kept.keep(matrix, first, last)
		}
	})
	for _, one := range matrix {
		p.store.memoPoints += len(one.Floats)
	}
	return failed == nil
}

func (m *memo) keep(matrix promql.Matrix, first, last int64) {
	before := first < m.fromMs
	var key []byte
	for _, one := range matrix {
		key = one.Metric.Bytes(key)
		data, known := m.bySet[string(key)]
		if !known {
			data = &seriesData{labels: one.Metric}
			m.bySet[string(key)] = data
			m.series = append(m.series, data)
		}
		times, values := make([]int64, len(one.Floats)), make([]float64, len(one.Floats))
		for i, point := range one.Floats {
			times[i], values[i] = point.T, point.F
		}
		if before {
			data.times, data.values = append(times, data.times...), append(values, data.values...)
		} else {
			data.times, data.values = append(data.times, times...), append(data.values, values...)
		}
	}
	m.fromMs, m.untilMs = min(m.fromMs, first), max(m.untilMs, last)
}

func (m *memo) empty() bool { return m.untilMs < m.fromMs }

func (m *memo) clear() {
	m.series, m.bySet = nil, map[string]*seriesData{}
	m.fromMs, m.untilMs = 0, -1
}

func (m *memo) points() int {
	points := 0
	for _, one := range m.series {
		points += len(one.times)
	}
	return points
}

// forgetFrom drops the steps at this time and later: a sample came in that they may see.
func (m *memo) forgetFrom(timeMs int64) {
	if m.empty() || timeMs > m.untilMs {
		return
	}
	m.untilMs = stepAfter(timeMs-1, m.stepMs) - m.stepMs
	if m.empty() {
		m.clear()
		return
	}
	for _, one := range m.series {
		keep, _ := slices.BinarySearch(one.times, timeMs)
		one.times, one.values = one.times[:keep], one.values[:keep]
	}
}

// dropBefore forgets the steps before this time. Moving the rest is only worth it when much goes.
func (m *memo) dropBefore(timeMs int64) {
	first := stepAfter(timeMs-1, m.stepMs)
	if m.empty() || (first-m.fromMs)/m.stepMs < 256 {
		return
	}
	if first > m.untilMs {
		m.clear()
		return
	}
	m.fromMs = first
	m.series = slices.DeleteFunc(m.series, func(one *seriesData) bool {
		keep, _ := slices.BinarySearch(one.times, first)
		one.times, one.values = slices.Clone(one.times[keep:]), slices.Clone(one.values[keep:])
		if len(one.times) == 0 {
			delete(m.bySet, string(one.labels.Bytes(nil)))
		}
		return len(one.times) == 0
	})
}

// stepAfter is the first multiple of the step that is later than the time.
func stepAfter(timeMs, stepMs int64) int64 {
	into := timeMs % stepMs
	if into < 0 {
		into += stepMs
	}
	return timeMs - into + stepMs
}

// memo gives what is known of the steps of a subquery, which is nothing at first.
func (s *store) memo(inner string, stepMs int64) *memo {
	key := memoKey{inner, stepMs}
	kept, known := s.memos[key]
	if !known {
		// No exposition and no rule can name a metric so: a byte of 0xff is not UTF-8.
		kept = &memo{name: "\xffsubquery " + strconv.Itoa(len(s.memos)), inner: inner, stepMs: stepMs}
		kept.clear()
		s.memos[key] = kept
		s.memoByName[kept.name] = kept
	}
	return kept
}

// forgetStepsFrom is told of the earliest of new samples.
func (s *store) forgetStepsFrom(timeMs int64) {
	for _, kept := range s.memos {
		kept.forgetFrom(timeMs)
	}
}

// makeRoom empties the memos that were not used for longest when all of them hold too much. False: it would take what the
// query at work reads, which has asked for its memos after `since`.
func (s *store) makeRoom(since int) bool {
	if s.memoPoints <= maxMemoPoints {
		return true
	}
	s.memoPoints = 0
	for _, one := range s.memos {
		s.memoPoints += one.points()
	}
	for s.memoPoints > maxMemoPoints {
		var oldest *memo
		for _, one := range s.memos {
			if !one.empty() && (oldest == nil || one.used < oldest.used) {
				oldest = one
			}
		}
		if oldest.used > since {
			return false
		}
		s.memoPoints -= oldest.points()
		oldest.clear()
	}
	return true
}
