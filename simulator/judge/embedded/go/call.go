package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"sort"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

type engine struct {
	parser parser.Parser
	// The parser of promql, which uses what a store knows of subqueries.
	memos    *memoParser
	promql   *promql.Engine
	stores   map[int]*store
	next     int
	relabels [][]*relabelConfig
	buffer   []byte
	// Step of subqueries that state none: the evaluation_interval of the store that is asked.
	subqueryStepMs int64
}

// What the server uses unless a flag says otherwise.
const lookbackDelta = 5 * time.Minute

func newEngine() *engine {
	p := parser.NewParser(parser.Options{})
	e := &engine{parser: p, stores: map[int]*store{}, subqueryStepMs: time.Minute.Milliseconds()}
	e.memos = &memoParser{Parser: p, engine: e}
	e.promql = promql.NewEngine(promql.EngineOpts{
		Logger:                   slog.New(slog.NewTextHandler(io.Discard, nil)),
		MaxSamples:               maxSamples,
		Timeout:                  time.Hour,
		LookbackDelta:            lookbackDelta,
		NoStepSubqueryIntervalFn: func(int64) int64 { return e.subqueryStepMs },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		EnableQueryCost:          true,
		Parser:                   e.memos,
	})
	e.promql.SetQueryLimits(maxSeriesRead, maxSamplesRead, 0)
	return e
}

type operation func(e *engine, input, data []byte) (result any, sent []byte, err error)

var operations = map[string]operation{
	"createStore":   createStore,
	"closeStore":    closeStore,
	"append":        appendSamples,
	"dropBefore":    dropBefore,
	"queryRange":    queryRange,
	"query":         queryInstant,
	"series":        series,
	"labelValues":   labelValues,
	"checkRules":    checkRules,
	"parseRules":    parseRules,
	"inspect":       inspect,
	"matchesName":   matchesName,
	"parseDuration": parseDuration,
	"relabel":       compileRelabel,
	"applyRelabel":  applyRelabel,
	"renderText":    renderText,
}

// queryError is the fault of a query, not of the engine.
type queryError struct{ error }

// templateError is the fault of a template.
type templateError struct{ error }

func kindOf(err error) string {
	var q queryError
	var t templateError
	var l limitError
	switch {
	case errors.As(err, &l):
		return "limit"
	case errors.As(err, &q):
		return "query"
	case errors.As(err, &t):
		return "template"
	}
	return "input"
}

func decode[T any](input []byte) (value T, err error) {
	err = json.Unmarshal(input, &value)
	return value, err
}

func (e *engine) store(id int) (*store, error) {
	s, found := e.stores[id]
	if !found {
		return nil, errors.New("the store is closed")
	}
	return s, nil
}

// createStore takes the evaluation_interval in milliseconds.
func createStore(e *engine, input, _ []byte) (any, []byte, error) {
	intervalMs, err := decode[int64](input)
	if err != nil {
		return nil, nil, err
	}
	e.next++
	e.stores[e.next] = newStore(intervalMs)
	return e.next, nil, nil
}

func closeStore(e *engine, input, _ []byte) (any, []byte, error) {
	id, err := decode[int](input)
	delete(e.stores, id)
	return nil, nil, err
}

// appendSamples takes new series as JSON, and samples as 64 bit words: for each series its reference, the number of
// samples, the times, and the bits of the values (so that the stale marker stays what it is).
func appendSamples(e *engine, input, data []byte) (any, []byte, error) {
	request, err := decode[struct {
		Store  int                 `json:"store"`
		Series []map[string]string `json:"series"`
	}](input)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.store(request.Store)
	if err != nil {
		return nil, nil, err
	}
	for _, set := range request.Series {
		s.add(labels.FromMap(set))
	}
	earliestMs := int64(math.MaxInt64)
	defer func() { s.forgetStepsFrom(earliestMs) }()
	for at := 0; at < len(data); {
		reference := int(float64At(data, at))
		count := int(float64At(data, at+8))
		at += 16
		if count > 0 {
			earliestMs = min(earliestMs, int64(float64At(data, at)))
		}
		if err := s.append(reference, data[at:at+8*count], data[at+8*count:at+16*count]); err != nil {
			return nil, nil, err
		}
		at += 16 * count
	}
	return nil, nil, nil
}

func float64At(data []byte, at int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(data[at:]))
}

func dropBefore(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[struct {
		Store  int   `json:"store"`
		TimeMs int64 `json:"timeMs"`
	}](input)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.store(request.Store)
	if err != nil {
		return nil, nil, err
	}
	s.dropBefore(request.TimeMs)
	return nil, nil, nil
}

type queryRequest struct {
	Store      int    `json:"store"`
	Expression string `json:"expression"`
	StartMs    int64  `json:"startMs"`
	EndMs      int64  `json:"endMs"`
	StepMs     int64  `json:"stepMs"`
}

type seriesHead struct {
	Labels map[string]string `json:"labels"`
	Count  int               `json:"count"`
}

// queryRange gives the series as JSON (labels and number of points) and the points as float64: times, then values.
func queryRange(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[queryRequest](input)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.store(request.Store)
	if err != nil {
		return nil, nil, err
	}
	if err := checkExpressionSize(request.Expression); err != nil {
		return nil, nil, err
	}
	e.subqueryStepMs = s.intervalMs
	var query promql.Query
	e.memos.at(s, request.StartMs, request.EndMs, func() {
		query, err = e.promql.NewRangeQuery(background, s, nil, request.Expression, time.UnixMilli(request.StartMs), time.UnixMilli(request.EndMs), time.Duration(request.StepMs)*time.Millisecond)
	})
	if err != nil {
		return nil, nil, queryFailure(err)
	}
	defer query.Close()
	result := query.Exec(background)
	if result.Err != nil {
		return nil, nil, queryFailure(result.Err)
	}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, nil, queryError{err}
	}
	return encodeMatrix(matrix)
}

func encodeMatrix(matrix promql.Matrix) (any, []byte, error) {
	sort.Sort(matrix)
	heads := make([]seriesHead, 0, len(matrix))
	points := 0
	for _, one := range matrix {
		points += len(one.Floats)
	}
	data := make([]byte, 0, points*16)
	for _, one := range matrix {
		if len(one.Floats) == 0 {
			continue
		}
		heads = append(heads, seriesHead{one.Metric.Map(), len(one.Floats)})
		for _, point := range one.Floats {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(float64(point.T)))
		}
		for _, point := range one.Floats {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(point.F))
		}
	}
	return heads, data, nil
}

func queryInstant(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[queryRequest](input)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.store(request.Store)
	if err != nil {
		return nil, nil, err
	}
	value, err := e.evaluate(s, request.Expression, request.StartMs)
	if err != nil {
		return nil, nil, err
	}
	switch result := value.(type) {
	case promql.Scalar:
		return map[string]any{"type": "scalar"}, binary.LittleEndian.AppendUint64(nil, math.Float64bits(result.V)), nil
	case promql.String:
		return map[string]any{"type": "string", "value": result.V}, nil, nil
	case promql.Matrix:
		heads, data, err := encodeMatrix(result)
		return map[string]any{"type": "matrix", "series": heads}, data, err
	case promql.Vector:
		// topk and sort give an order that means something; anything else is sorted by the caller.
		sets := make([]map[string]string, 0, len(result))
		data := make([]byte, 0, len(result)*8)
		for _, sample := range result {
			if sample.H != nil {
				continue
			}
			sets = append(sets, sample.Metric.Map())
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(sample.F))
		}
		return map[string]any{"type": "vector", "samples": sets}, data, nil
	}
	return nil, nil, queryError{errors.New("unknown type of result")}
}

func (e *engine) evaluate(s *store, expression string, timeMs int64) (parser.Value, error) {
	if err := checkExpressionSize(expression); err != nil {
		return nil, err
	}
	e.subqueryStepMs = s.intervalMs
	var query promql.Query
	var err error
	e.memos.at(s, timeMs, timeMs, func() {
		query, err = e.promql.NewInstantQuery(background, s, nil, expression, time.UnixMilli(timeMs))
	})
	if err != nil {
		return nil, queryFailure(err)
	}
	result := query.Exec(background)
	if result.Err != nil {
		return nil, queryFailure(result.Err)
	}
	return result.Value, nil
}

type matchRequest struct {
	Store   int    `json:"store"`
	Label   string `json:"label"`
	Matcher string `json:"matcher"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
}

func (e *engine) matching(request matchRequest) ([]*seriesData, error) {
	s, err := e.store(request.Store)
	if err != nil {
		return nil, err
	}
	var matchers []*labels.Matcher
	if request.Matcher != "" {
		matchers, err = e.parser.ParseMetricSelector(request.Matcher)
		if err != nil {
			return nil, queryError{err}
		}
	}
	return s.matching(matchers, request.StartMs, request.EndMs), nil
}

func series(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[matchRequest](input)
	if err != nil {
		return nil, nil, err
	}
	found, err := e.matching(request)
	if err != nil {
		return nil, nil, err
	}
	sort.Slice(found, func(i, j int) bool { return labels.Compare(found[i].labels, found[j].labels) < 0 })
	sets := make([]map[string]string, 0, len(found))
	for _, one := range found {
		sets = append(sets, one.labels.Map())
	}
	return sets, nil, nil
}

func labelValues(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[matchRequest](input)
	if err != nil {
		return nil, nil, err
	}
	found, err := e.matching(request)
	if err != nil {
		return nil, nil, err
	}
	return valuesOf(found, request.Label), nil, nil
}

func parseDuration(_ *engine, input, _ []byte) (any, []byte, error) {
	text, err := decode[string](input)
	if err != nil {
		return nil, nil, err
	}
	duration, err := model.ParseDuration(text)
	return time.Duration(duration).Milliseconds(), nil, err
}
