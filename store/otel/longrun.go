package otel

import (
	"context"
	"errors"
	"time"

	api "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/stillframe/stillframe/refresh/longrun"
)

// NewLongrun returns an observer for longrun.Options.Observer. It is safe for concurrent use and for many kinds. The
// error is that of the meter which refused an instrument. A nil o means defaults.
func NewLongrun(o *Options) (longrun.Observer, error) {
	options := o.withDefaults()
	meter := options.MeterProvider.Meter(scope)
	b := &operations{keys: options.Keys, tracer: options.TracerProvider.Tracer(scope)}
	var errs [3]error
	bounds := metric.WithExplicitBucketBoundaries(.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600)
	b.attempts, errs[0] = meter.Float64Histogram("stillframe.longrun.attempt.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("How long an attempt at an operation has run."))
	b.steps, errs[1] = meter.Float64Histogram("stillframe.longrun.step.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("The time between two checkpoints of an operation."))
	b.waits, errs[2] = meter.Float64Histogram("stillframe.longrun.wait.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("How long an operation was due before a worker has claimed it."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return b, nil
}

// WatchLongrun has a meter ask the database, whenever it is read, how many operations there are in each phase and how
// long the oldest has been due: of these kinds, or of all together where none is named. One process of a system is
// enough. It costs seven small queries a kind and reading, of which one that fails is left out. stop ends it. A nil o
// means defaults.
func WatchLongrun(all *longrun.Operations, o *Options, kinds ...string) (stop func() error, err error) {
	meter := o.withDefaults().MeterProvider.Meter(scope)
	var errs [2]error
	count, err := meter.Int64ObservableUpDownCounter("stillframe.longrun.operations", metric.WithUnit("{operation}"),
		metric.WithDescription("How many operations are in a phase."))
	errs[0] = err
	age, err := meter.Float64ObservableGauge("stillframe.longrun.oldest.age", metric.WithUnit("s"),
		metric.WithDescription("How long the operation has been due that has waited longest, 0 where none does."))
	errs[1] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if len(kinds) == 0 {
		kinds = []string{""}
	}
	registration, err := meter.RegisterCallback(func(ctx context.Context, to metric.Observer) error {
		var errs []error
		for _, kind := range kinds {
			errs = append(errs, observeKind(ctx, all, to, kind, count, age))
		}
		return errors.Join(errs...)
	}, count, age)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

// observeKind asks about the operations of one kind, for WatchLongrun.
func observeKind(
	ctx context.Context, all *longrun.Operations, to metric.Observer, kind string, count metric.Int64Observable,
	age metric.Float64Observable,
) error {
	var kindOf []attribute.KeyValue
	if kind != "" {
		kindOf = append(kindOf, attribute.String(kindKey, kind))
	}
	counts, countErr := all.Counts(ctx, kind)
	for phase, n := range counts {
		with := append(kindOf[:len(kindOf):len(kindOf)], attribute.String("stillframe.longrun.phase", string(phase)))
		to.ObserveInt64(count, n, metric.WithAttributes(with...))
	}
	since, found, ageErr := all.OldestDue(ctx, kind)
	if ageErr == nil {
		var seconds float64
		if found {
			seconds = max(time.Since(since), 0).Seconds()
		}
		to.ObserveFloat64(age, seconds, metric.WithAttributes(kindOf...))
	}
	return errors.Join(countErr, ageErr)
}

const (
	kindKey   = "stillframe.longrun.kind"
	resultKey = "stillframe.longrun.result"
)

// operations is the observer of NewLongrun.
type operations struct {
	keys     bool
	tracer   trace.Tracer
	attempts metric.Float64Histogram
	steps    metric.Float64Histogram
	waits    metric.Float64Histogram
}

// Started implements longrun.Observer: its span is the parent of those of all attempts.
func (b *operations) Started(ctx context.Context, kind, id string) string {
	attributes := []attribute.KeyValue{attribute.String(kindKey, kind)}
	if b.keys {
		attributes = append(attributes, attribute.String("stillframe.longrun.id", id))
	}
	ctx, span := b.tracer.Start(ctx, "start "+kind, trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attributes...))
	span.End()
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// AttemptBegan implements longrun.Observer.
func (b *operations) AttemptBegan(ctx context.Context, a longrun.Observed) context.Context {
	if a.Trace != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": a.Trace})
	}
	attributes := []attribute.KeyValue{
		attribute.String(kindKey, a.Kind),
		attribute.Int64("stillframe.longrun.attempt", a.Number),
		attribute.Int64("stillframe.longrun.token", a.Token),
		attribute.String("stillframe.longrun.worker", a.Worker),
	}
	if b.keys {
		attributes = append(attributes, attribute.String("stillframe.longrun.id", a.ID))
	}
	b.waits.Record(ctx, a.Waited.Seconds(), metric.WithAttributes(attribute.String(kindKey, a.Kind)))
	ctx, _ = b.tracer.Start(ctx, "attempt "+a.Kind, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithTimestamp(a.Began), trace.WithAttributes(attributes...))
	return ctx
}

// Stored implements longrun.Observer.
func (b *operations) Stored(ctx context.Context, a longrun.Observed, took time.Duration) {
	b.steps.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String(kindKey, a.Kind)))
	trace.SpanFromContext(ctx).AddEvent("stillframe.longrun.checkpoint")
}

// AttemptEnded implements longrun.Observer. The text of the error is not shown: it may hold what was worked on.
func (b *operations) AttemptEnded(ctx context.Context, a longrun.Observed, result string, err error) {
	b.attempts.Record(ctx, max(time.Since(a.Began), 0).Seconds(),
		metric.WithAttributes(attribute.String(kindKey, a.Kind), attribute.String(resultKey, result)))
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.String(resultKey, result))
	if result == "failed" || result == "lost" {
		span.SetStatus(codes.Error, result)
	}
	span.End()
}

// withDefaults returns a copy of the options with the global providers where none are named.
func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	if v.TracerProvider == nil {
		v.TracerProvider = api.GetTracerProvider()
	}
	if v.MeterProvider == nil {
		v.MeterProvider = api.GetMeterProvider()
	}
	return v
}
