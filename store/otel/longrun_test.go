package otel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/otel"
)

// TestLongrun has an operation fail once and then be done: its start and both attempts are one trace, though the worker
// knows nothing of who has started it, and the metrics count steps, attempts and phases.
func TestLongrun(t *testing.T) {
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))
	o := &otel.Options{
		TracerProvider: provider, MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)), Keys: true,
	}
	observer, err := otel.NewLongrun(o)
	require.NoError(t, err)
	db := memstore.Open(nil)
	kind, err := longrun.New(db, "training", func(ctx context.Context, step *longrun.Step[int]) error {
		for range 2 {
			step.State++
			if err := step.Save(ctx); err != nil {
				return err
			}
		}
		if step.Attempt() == 1 {
			return errors.New("hunter2")
		}
		return nil
	}, &longrun.Options{Observer: observer, Backoff: time.Millisecond, Poll: 5 * time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, kind.EnsureSchema(t.Context()))

	ctx, request := provider.Tracer("game").Start(t.Context(), "request")
	require.NoError(t, kind.Start(ctx, "7", 0, nil))
	require.NoError(t, kind.Start(ctx, "8", 0, &longrun.StartOptions{Due: time.Now().Add(time.Hour)}))
	request.End()
	workCtx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- kind.Work(workCtx) }()
	status, err := kind.Wait(t.Context(), "7", nil)
	require.NoError(t, err)
	require.Equal(t, longrun.Done, status.Phase)
	stop()
	require.NoError(t, <-ended)

	var names []string
	var starts, attempts []tracetest.SpanStub
	for _, s := range spans.GetSpans() {
		assert.Equal(t, request.SpanContext().TraceID(), s.SpanContext.TraceID(), "%s is of the same trace", s.Name)
		names = append(names, s.Name)
		switch s.Name {
		case "start training":
			starts = append(starts, s)
		case "attempt training":
			attempts = append(attempts, s)
		}
	}
	require.ElementsMatch(t,
		[]string{"request", "start training", "start training", "attempt training", "attempt training"}, names)
	for i, want := range []struct {
		result string
		status codes.Code
	}{{"failed", codes.Error}, {"done", codes.Unset}} {
		s := attempts[i]
		assert.Equal(t, starts[0].SpanContext.SpanID(), s.Parent.SpanID())
		assert.Equal(t, want.result, attributes(s.Attributes)["stillframe.longrun.result"])
		assert.EqualValues(t, i+1, attributes(s.Attributes)["stillframe.longrun.attempt"])
		assert.Equal(t, "7", attributes(s.Attributes)["stillframe.longrun.id"])
		assert.Equal(t, want.status, s.Status.Code)
		assert.NotContains(t, s.Status.Description, "hunter2")
		assert.Len(t, s.Events, 2, "a checkpoint each")
	}

	unwatch, err := otel.WatchLongrun(kind.Operations, o, "training")
	require.NoError(t, err)
	all := read(t, reader)
	steps := all["stillframe.longrun.step.duration"].(metricdata.Histogram[float64])
	assert.EqualValues(t, 4, steps.DataPoints[0].Count)
	assert.Len(t, all["stillframe.longrun.attempt.duration"].(metricdata.Histogram[float64]).DataPoints, 2, "by result")
	phases := map[any]int64{}
	for _, p := range all["stillframe.longrun.operations"].(metricdata.Sum[int64]).DataPoints {
		phases[attributes(p.Attributes.ToSlice())["stillframe.longrun.phase"]] = p.Value
	}
	assert.EqualValues(t, 1, phases["done"])
	assert.EqualValues(t, 1, phases["waiting"])
	assert.Zero(t, all["stillframe.longrun.oldest.age"].(metricdata.Gauge[float64]).DataPoints[0].Value, "none is due")
	require.NoError(t, unwatch())
	assert.NotContains(t, read(t, reader), "stillframe.longrun.operations")
}

// read returns what a meter holds, by its names.
func read(t *testing.T, reader *metric.ManualReader) map[string]metricdata.Aggregation {
	t.Helper()
	var got metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &got))
	all := map[string]metricdata.Aggregation{}
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			all[m.Name] = m.Data
		}
	}
	return all
}
