package main

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// The query engine opens spans, and each wraps the context once more, whether anybody traces or not. It then asks the
// context at every sample whether it has ended, through all the wraps: half the time of a query. Nobody can collect spans
// here, so that starting one leaves the context as it is.
func init() { otel.SetTracerProvider(spanless{}) }

type spanless struct{ noop.TracerProvider }

func (spanless) Tracer(string, ...trace.TracerOption) trace.Tracer { return spanlessTracer{} }

type spanlessTracer struct{ noop.Tracer }

func (spanlessTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	return ctx, noop.Span{}
}
