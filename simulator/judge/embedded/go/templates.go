package main

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// The same names that rules/alerting.go gives to every template.
const templatePreamble = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

type textRequest struct {
	Template       string            `json:"template"`
	Labels         map[string]string `json:"labels"`
	ExternalLabels map[string]string `json:"externalLabels"`
	ExternalURL    string            `json:"externalUrl"`
	// As text: JSON has neither NaN nor Inf.
	Value  string `json:"value"`
	TimeMs int64  `json:"timeMs"`
	// The store that answers queries of the template; 0: Answers do.
	Store int `json:"store"`
	// By expression, what another judge said.
	Answers map[string][]answeredSample `json:"answers"`
}

type answeredSample struct {
	Labels map[string]string `json:"labels"`
	Value  string            `json:"value"`
}

// unanswered says which query a template asks for that nobody has answered yet.
type unanswered struct{ expression string }

func (unanswered) Error() string { return "there is no answer to the query yet" }

// renderText gives {text}, or {needs} with a query that the caller should ask its own judge.
func renderText(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[textRequest](input)
	if err != nil {
		return nil, nil, err
	}
	value, err := parseFloat(request.Value)
	if err != nil {
		return nil, nil, err
	}
	external, err := url.Parse(request.ExternalURL)
	if err != nil {
		return nil, nil, err
	}
	data := template.AlertTemplateData(request.Labels, request.ExternalLabels, request.ExternalURL, promql.Sample{F: value})
	budget := &templateBudget{turns: maxTemplateTurns, bytes: maxTemplateBytes}
	var missing *unanswered
	query := func(_ context.Context, expression string, at time.Time) (promql.Vector, error) {
		if _, err := budget.turn(); err != nil {
			return nil, err
		}
		vector, err := e.answer(request, expression, at)
		var open unanswered
		if errors.As(err, &open) && missing == nil {
			missing = &open
		}
		return vector, err
	}
	expander := func(text string) *template.Expander {
		return template.NewTemplateExpander(background, text, "__alert_text", data, model.Time(request.TimeMs), query, external, nil)
	}
	// First with everything counted, so that it ends; then as it is, for the text and the messages that Prometheus gives.
	trial := expander(templatePreamble + withTurns(request.Template))
	trial.Funcs(budget.functions())
	text, err := trial.Expand()
	if missing != nil {
		return map[string]any{"needs": missing.expression}, nil, nil
	}
	if errors.Is(err, errTemplateTurns) || errors.Is(err, errTemplateBytes) || len(text) > maxTemplateBytes {
		if err == nil {
			err = errTemplateBytes
		}
		return nil, nil, templateError{reachedLimit(err)}
	}
	*budget = templateBudget{turns: maxTemplateTurns, bytes: maxTemplateBytes}
	text, err = expander(templatePreamble + request.Template).Expand()
	if err != nil {
		return nil, nil, templateError{errors.New(strings.TrimSpace(err.Error()))}
	}
	return map[string]any{"text": text}, nil, nil
}

func reachedLimit(err error) error {
	if errors.Is(err, errTemplateTurns) {
		return errTemplateTurns
	}
	return errTemplateBytes
}

func (e *engine) answer(request textRequest, expression string, at time.Time) (promql.Vector, error) {
	if request.Store == 0 {
		samples, known := request.Answers[expression]
		if !known {
			return nil, unanswered{expression}
		}
		vector := make(promql.Vector, 0, len(samples))
		for _, sample := range samples {
			value, err := parseFloat(sample.Value)
			if err != nil {
				return nil, err
			}
			vector = append(vector, promql.Sample{T: at.UnixMilli(), F: value, Metric: labels.FromMap(sample.Labels)})
		}
		return vector, nil
	}
	s, err := e.store(request.Store)
	if err != nil {
		return nil, err
	}
	result, err := e.evaluate(s, expression, at.UnixMilli())
	if err != nil {
		return nil, err
	}
	switch v := result.(type) {
	case promql.Vector:
		return v, nil
	case promql.Scalar:
		return promql.Vector{promql.Sample{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	}
	return nil, errors.New("rule result is not a vector or scalar")
}

var quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)+)"|<([^>]+)>`)

// templatePlace gives the byte of a template that a message of its parser is about (the parser knows lines only): the
// action with which the message first comes up, and in it the word that the message names.
func templatePlace(text, message string) int {
	problem := parserMessage(message)
	for _, action := range templateActions(text) {
		if parserMessage(parseMessage(text[:action.end])) != problem && action.end < len(text) {
			continue
		}
		start := action.start
		if match := quoted.FindStringSubmatch(problem); match != nil {
			word := match[1] + match[2]
			if at := strings.Index(text[start:action.end], word); at >= 0 {
				return start + at
			}
		}
		return start
	}
	return len(text)
}

// parseMessage gives what Prometheus has against a template.
func parseMessage(text string) string {
	expander := template.NewTemplateExpander(background, templatePreamble+text, "x", nil, 0, nil, nil, nil)
	if err := expander.ParseTest(); err != nil {
		return err.Error()
	}
	return ""
}

var messagePlace = regexp.MustCompile(`^(?:template: )?[^:]*:\d+(?::\d+)?: `)

// parserMessage is the message without the name of the template and the line.
func parserMessage(message string) string {
	return messagePlace.ReplaceAllString(message, "")
}
