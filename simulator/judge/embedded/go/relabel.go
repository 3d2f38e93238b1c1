package main

import (
	"errors"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v2"
)

type relabelConfig = relabel.Config

// compileRelabel reads relabel_configs as prometheus.yml has them (JSON is YAML) and keeps them under a number.
func compileRelabel(e *engine, input, _ []byte) (any, []byte, error) {
	var configs []*relabelConfig
	if err := yaml.UnmarshalStrict(input, &configs); err != nil {
		return nil, nil, err
	}
	for _, config := range configs {
		if config == nil {
			return nil, nil, errors.New("empty or null relabeling rule")
		}
		if err := config.Validate(model.UTF8Validation); err != nil {
			return nil, nil, err
		}
	}
	e.relabels = append(e.relabels, configs)
	return len(e.relabels) - 1, nil, nil
}

// applyRelabel gives the labels, or the number of the config that dropped the series.
func applyRelabel(e *engine, input, _ []byte) (any, []byte, error) {
	request, err := decode[struct {
		Relabel int               `json:"relabel"`
		Labels  map[string]string `json:"labels"`
	}](input)
	if err != nil {
		return nil, nil, err
	}
	builder := labels.NewBuilder(labels.FromMap(request.Labels))
	for i, config := range e.relabels[request.Relabel] {
		if !relabel.ProcessBuilder(builder, config) {
			return map[string]any{"droppedBy": i}, nil, nil
		}
	}
	return map[string]any{"labels": builder.Labels().Map()}, nil, nil
}
