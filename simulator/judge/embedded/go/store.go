package main

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// store keeps samples of floats in memory, and answers as storage.Queryable.
type store struct {
	all    []*seriesData
	byName map[string][]*seriesData
	// evaluation_interval: the step of subqueries that state none.
	intervalMs int64
	// What is known of subqueries (memo.go); how often one was asked for; points that they hold at most.
	memos      map[memoKey]*memo
	memoByName map[string]*memo
	uses       int
	memoPoints int
}

type seriesData struct {
	labels labels.Labels
	times  []int64
	values []float64
}

func newStore(intervalMs int64) *store {
	return &store{byName: map[string][]*seriesData{}, intervalMs: intervalMs, memos: map[memoKey]*memo{}, memoByName: map[string]*memo{}}
}

func (s *store) add(set labels.Labels) {
	one := &seriesData{labels: set}
	s.all = append(s.all, one)
	name := set.Get(labels.MetricName)
	s.byName[name] = append(s.byName[name], one)
}

// append takes times as float64 and values as bits; samples not later than the last are refused.
func (s *store) append(reference int, times, values []byte) error {
	if reference < 0 || reference >= len(s.all) {
		return errors.New("no such series")
	}
	one := s.all[reference]
	last := int64(math.MinInt64)
	if len(one.times) > 0 {
		last = one.times[len(one.times)-1]
	}
	for at := 0; at < len(times); at += 8 {
		t := int64(float64At(times, at))
		if t <= last {
			return errors.New("samples of a series must come in order of time: " + one.labels.String())
		}
		last = t
		one.times = append(one.times, t)
		one.values = append(one.values, math.Float64frombits(binary.LittleEndian.Uint64(values[at:])))
	}
	return nil
}

func (s *store) dropBefore(timeMs int64) {
	for _, one := range s.all {
		keep := sort.Search(len(one.times), func(i int) bool { return one.times[i] >= timeMs })
		// Moving the rest is only worth it when much goes.
		if keep < 256 || keep < len(one.times)/2 {
			continue
		}
		one.times = append([]int64(nil), one.times[keep:]...)
		one.values = append([]float64(nil), one.values[keep:]...)
	}
	for _, kept := range s.memos {
		kept.dropBefore(timeMs)
	}
}

func (s *store) matching(matchers []*labels.Matcher, startMs, endMs int64) []*seriesData {
	candidates := s.all
	for _, matcher := range matchers {
		if matcher.Name == labels.MetricName && matcher.Type == labels.MatchEqual {
			candidates = s.byName[matcher.Value]
			break
		}
	}
	var found []*seriesData
	for _, one := range candidates {
		if one.hasSamples(startMs, endMs) && matches(one.labels, matchers) {
			found = append(found, one)
		}
	}
	return found
}

// selected is what a query reads: series, or the steps of a subquery that it was given instead.
func (s *store) selected(matchers []*labels.Matcher, startMs, endMs int64) []*seriesData {
	if len(matchers) == 1 {
		if kept, is := s.memoByName[matchers[0].Value]; is {
			return withSamples(kept.series, startMs, endMs)
		}
	}
	return s.matching(matchers, startMs, endMs)
}

func withSamples(of []*seriesData, startMs, endMs int64) []*seriesData {
	var found []*seriesData
	for _, one := range of {
		if one.hasSamples(startMs, endMs) {
			found = append(found, one)
		}
	}
	return found
}

func (d *seriesData) hasSamples(startMs, endMs int64) bool {
	first := sort.Search(len(d.times), func(i int) bool { return d.times[i] >= startMs })
	return first < len(d.times) && d.times[first] <= endMs
}

func matches(set labels.Labels, matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(set.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

func valuesOf(found []*seriesData, label string) []string {
	seen := map[string]bool{}
	values := []string{}
	for _, one := range found {
		value := one.labels.Get(label)
		if value != "" && !seen[value] {
			seen[value] = true
			values = append(values, value)
		}
	}
	sort.Strings(values)
	return values
}

// Querier implements storage.Queryable.
func (s *store) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{s, mint, maxt}, nil
}

type querier struct {
	store      *store
	mint, maxt int64
}

func (q *querier) Select(_ context.Context, sortSeries bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	start, end := q.mint, q.maxt
	if hints != nil {
		start, end = hints.Start, hints.End
	}
	found := q.store.selected(matchers, start, end)
	if sortSeries {
		sort.Slice(found, func(i, j int) bool { return labels.Compare(found[i].labels, found[j].labels) < 0 })
	}
	return &seriesSet{found: found, at: -1}
}

func (q *querier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return valuesOf(q.store.matching(matchers, q.mint, q.maxt), name), nil, nil
}

func (q *querier) LabelNames(_ context.Context, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	seen := map[string]bool{}
	names := []string{}
	for _, one := range q.store.matching(matchers, q.mint, q.maxt) {
		one.labels.Range(func(label labels.Label) {
			if !seen[label.Name] {
				seen[label.Name] = true
				names = append(names, label.Name)
			}
		})
	}
	sort.Strings(names)
	return names, nil, nil
}

func (*querier) Close() error { return nil }

type seriesSet struct {
	found []*seriesData
	at    int
}

func (s *seriesSet) Next() bool                      { s.at++; return s.at < len(s.found) }
func (s *seriesSet) At() storage.Series              { return s.found[s.at] }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// Labels implements storage.Series.
func (d *seriesData) Labels() labels.Labels { return d.labels }

// Iterator implements storage.Series.
func (d *seriesData) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	if it, ok := reuse.(*iterator); ok {
		it.data, it.at = d, -1
		return it
	}
	return &iterator{data: d, at: -1}
}

type iterator struct {
	data *seriesData
	at   int
}

func (it *iterator) Next() chunkenc.ValueType {
	if it.at+1 >= len(it.data.times) {
		it.at = len(it.data.times)
		return chunkenc.ValNone
	}
	it.at++
	return chunkenc.ValFloat
}

// Seek gallops first: the engine usually moves on by a few samples.
func (it *iterator) Seek(t int64) chunkenc.ValueType {
	times := it.data.times
	low := max(it.at, 0)
	if low >= len(times) {
		return chunkenc.ValNone
	}
	if times[low] >= t {
		it.at = low
		return chunkenc.ValFloat
	}
	step := 1
	high := low + step
	for high < len(times) && times[high] < t {
		low = high
		step *= 2
		high = low + step
	}
	high = min(high, len(times))
	it.at = low + sort.Search(high-low, func(i int) bool { return times[low+i] >= t })
	if it.at >= len(times) {
		return chunkenc.ValNone
	}
	return chunkenc.ValFloat
}

func (it *iterator) At() (int64, float64) { return it.data.times[it.at], it.data.values[it.at] }
func (it *iterator) AtT() int64           { return it.data.times[it.at] }
func (*iterator) AtST() int64             { return 0 }
func (*iterator) Err() error              { return nil }

func (*iterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) { return 0, nil }
func (*iterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return 0, nil
}
