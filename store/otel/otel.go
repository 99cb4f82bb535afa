package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/stillframe/stillframe/store"
)

// scope is the name of the tracer and the meter.
const scope = "github.com/stillframe/stillframe/store/otel"

// Options configure [New], [NewLongrun] and [WatchLongrun].
type Options struct {
	// TracerProvider makes the tracer. Defaults to the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the meter. Defaults to the global one.
	MeterProvider metric.MeterProvider
	// Keys puts the keys of entities on spans, as stillframe.key, and the ids of operations. A key may be personal, a
	// mail address say; those that the mapping calls secret are never shown. Defaults to false.
	Keys bool
}

// New returns an observer for store.Options.Observer. It is safe for concurrent use and for many databases.
// The error is that of the meter which refused an instrument. A nil o means defaults.
func New(o *Options) (store.Observer, error) {
	options := o.withDefaults()
	meter := options.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	b := &observer{
		keys:   options.Keys,
		tracer: options.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
	}
	var errs [4]error
	// The bounds are those that the conventions advise.
	b.duration, errs[0] = dbconv.NewClientOperationDuration(meter,
		metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10))
	b.rows, errs[1] = dbconv.NewClientResponseReturnedRows(meter,
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000))
	b.conflicts, errs[2] = meter.Int64Counter("stillframe.client.conflicts", metric.WithUnit("{conflict}"),
		metric.WithDescription("How often a call met another's write."))
	b.retries, errs[3] = meter.Int64Counter("stillframe.client.retries", metric.WithUnit("{retry}"),
		metric.WithDescription("How often a call, or the function of a transaction, began again."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return b, nil
}

type observer struct {
	keys      bool
	tracer    trace.Tracer
	duration  dbconv.ClientOperationDuration
	rows      dbconv.ClientResponseReturnedRows
	conflicts metric.Int64Counter
	retries   metric.Int64Counter
}

// CallStart begins the span of the call.
func (b *observer) CallStart(ctx context.Context, c store.Call) context.Context {
	target := c.Entity
	if target == "" {
		target = c.Database
	}
	name := c.Op
	if target != "" {
		name += " " + target
	}
	attributes := describe(c)
	if c.InTx {
		attributes = append(attributes, attribute.Int("stillframe.run", c.Run))
	}
	if b.keys && c.Key != "" {
		attributes = append(attributes, attribute.String("stillframe.key", c.Key))
	}
	ctx, _ = b.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return ctx
}

// CallEnd ends the span that CallStart has begun, and counts the call.
func (b *observer) CallEnd(ctx context.Context, c store.Call, err error) {
	attributes := describe(c)
	kind := errorType(err)
	if kind != "" && !c.Rerun {
		attributes = append(attributes, semconv.ErrorTypeKey.String(kind))
	}
	set := metric.WithAttributeSet(attribute.NewSet(attributes...))
	b.duration.Inst().Record(ctx, c.Duration.Seconds(), set)
	if reads(c.Op) && err == nil {
		b.rows.Inst().Record(ctx, int64(c.Rows), set)
	}
	span := trace.SpanFromContext(ctx)
	defer span.End()
	if !span.IsRecording() {
		return
	}
	switch {
	case err != nil:
	case reads(c.Op):
		span.SetAttributes(semconv.DBResponseReturnedRows(c.Rows))
	case c.Entity != "":
		span.SetAttributes(attribute.Int("stillframe.rows_written", c.Rows))
	}
	if c.Attempts > 1 {
		span.SetAttributes(attribute.Int("stillframe.attempts", c.Attempts))
	}
	switch {
	case c.Rerun:
		span.SetAttributes(attribute.Bool("stillframe.rerun", true))
	case kind != "":
		span.SetAttributes(semconv.ErrorTypeKey.String(kind))
		span.SetStatus(codes.Error, kind)
	}
}

// Conflict counts another's write that the call has met.
func (b *observer) Conflict(ctx context.Context, c store.Call, err error) {
	b.conflicts.Add(ctx, 1, metric.WithAttributes(describe(c)...))
	b.event(ctx, "stillframe.conflict", c, semconv.ErrorTypeKey.String(errorType(err)))
}

// Retry counts an attempt that follows another.
func (b *observer) Retry(ctx context.Context, c store.Call, attempt int, err error) {
	b.retries.Add(ctx, 1, metric.WithAttributes(describe(c)...))
	b.event(ctx, "stillframe.retry", c, attribute.Int("stillframe.attempt", attempt),
		semconv.ErrorTypeKey.String(errorType(err)))
}

// event adds an event to the call's span, with the entity that was met.
func (b *observer) event(ctx context.Context, name string, c store.Call, attributes ...attribute.KeyValue) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if c.Entity != "" {
		attributes = append(attributes, semconv.DBCollectionName(c.Entity))
	}
	if b.keys && c.Key != "" {
		attributes = append(attributes, attribute.String("stillframe.key", c.Key))
	}
	span.AddEvent(name, trace.WithAttributes(attributes...))
}

// describe is what spans and metrics say of a call alike. None of it has many values.
func describe(c store.Call) []attribute.KeyValue {
	attributes := make([]attribute.KeyValue, 0, 8)
	attributes = append(attributes, semconv.DBSystemNameKey.String(system(c)), semconv.DBOperationName(c.Op))
	if c.Database != "" {
		attributes = append(attributes, semconv.DBNamespace(c.Database))
	}
	if c.Entity != "" {
		attributes = append(attributes, semconv.DBCollectionName(c.Entity))
	}
	return attributes
}

// system is the product. A backend that does not say which has the value that the conventions keep for that.
func system(c store.Call) string {
	if c.System == "" {
		return "other_sql"
	}
	return c.System
}

// reads reports whether an operation only reads, so that its rows were returned and not written.
func reads(op string) bool {
	switch op {
	case "get", "get many", "find", "first", "page", "reload":
		return true
	}
	return false
}

// outcomes are the errors of package store by which error.type tells failures apart. The order matters: an
// unknown outcome may also wrap the reason why no answer came.
var outcomes = []struct {
	err  error
	kind string
}{
	{store.ErrUnknownOutcome, "unknown_outcome"},
	{store.ErrConflict, "conflict"},
	{store.ErrExists, "exists"},
	{store.ErrInvalid, "invalid"},
	{store.ErrUnsupported, "unsupported"},
	{store.ErrTxDone, "tx_done"},
	{store.ErrClosed, "closed"},
	{store.ErrTransient, "transient"},
	{context.Canceled, "canceled"},
	{context.DeadlineExceeded, "deadline_exceeded"},
}

// errorType is the value of error.type, empty where nothing has failed.
func errorType(err error) string {
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return ""
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.kind
		}
	}
	return semconv.ErrorTypeOther.Value.AsString()
}
