package otel_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/otel"
)

type club struct {
	store.Snapshot
	ID      int64 `store:"key"`
	Balance int64
}

// lab is a database whose calls end in memory, as spans and as metrics.
type lab struct {
	t      *testing.T
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
	db     *store.DB
	clubs  *store.Repository[club, int64]
	raw    *memstore.Database
}

// newLab opens a database with one club. Its insert is in the metrics, and not among the spans.
func newLab(t *testing.T, keys bool) *lab {
	l := &lab{t: t, spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	observer, err := otel.New(&otel.Options{
		TracerProvider: trace.NewTracerProvider(trace.WithSyncer(l.spans)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(l.reader)),
		Keys:           keys,
	})
	require.NoError(t, err)
	l.db = memstore.Open(&memstore.Options{Store: store.Options{Observer: observer}})
	l.raw, _ = memstore.Native(l.db)
	l.clubs = store.MustRepository[club, int64](l.db, "clubs", nil)
	require.NoError(t, l.clubs.Insert(t.Context(), &club{ID: 7}))
	l.spans.Reset()
	return l
}

// move has a second client move the version of the club.
func (l *lab) move(version int) {
	l.t.Helper()
	require.NoError(l.t, l.raw.Put(l.t.Context(), "clubs", int64(7), map[string]any{"version": version}))
}

func attributes(list []attribute.KeyValue) map[string]any {
	m := make(map[string]any)
	for _, a := range list {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}

// TestSpans reads the spans of a Get, a Modify that met another's write, a failure and an answer that is none.
func TestSpans(t *testing.T) {
	ctx := t.Context()
	l := newLab(t, true)
	_, err := l.clubs.Get(ctx, 7)
	require.NoError(t, err)
	runs := 0
	_, err = l.clubs.Modify(ctx, 7, func(c *club) error {
		if runs++; runs == 1 {
			l.move(9)
		}
		c.Balance++
		return nil
	})
	require.NoError(t, err)
	_, err = l.clubs.Get(ctx, 8)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, l.clubs.Insert(ctx, &club{ID: 7}), store.ErrExists)
	spans := l.spans.GetSpans()
	require.Len(t, spans, 4)

	assert.Equal(t, "get clubs", spans[0].Name)
	assert.Equal(t, map[string]any{
		"db.system.name": "memstore", "db.operation.name": "get", "db.collection.name": "clubs",
		"stillframe.key": "7", "db.response.returned_rows": int64(1),
	}, attributes(spans[0].Attributes))
	assert.Equal(t, map[string]any{
		"db.system.name": "memstore", "db.operation.name": "modify", "db.collection.name": "clubs",
		"stillframe.key": "7", "stillframe.rows_written": int64(1), "stillframe.attempts": int64(2),
	}, attributes(spans[1].Attributes))
	require.Len(t, spans[1].Events, 2)
	assert.Equal(t, "stillframe.conflict", spans[1].Events[0].Name)
	assert.Equal(t, "stillframe.retry", spans[1].Events[1].Name)
	assert.Equal(t, int64(2), attributes(spans[1].Events[1].Attributes)["stillframe.attempt"])
	assert.Equal(t, codes.Unset, spans[2].Status.Code, "not found is an answer")
	assert.NotContains(t, attributes(spans[2].Attributes), "error.type")
	assert.Equal(t, trace.Status{Code: codes.Error, Description: "exists"}, spans[3].Status)
	assert.Equal(t, "exists", attributes(spans[3].Attributes)["error.type"])
}

// TestSpansOfATx has an Atomic run twice: the calls of both runs are its children, and the error of the run that was
// thrown away is no failure.
func TestSpansOfATx(t *testing.T) {
	l := newLab(t, false)
	runs := 0
	require.NoError(t, l.db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 1 {
			require.NoError(t, l.raw.FailNext("update", memstore.ErrWriteConflict))
		}
		_, err := l.clubs.In(tx).Modify(ctx, 7, func(c *club) error { c.Balance++; return nil })
		return err
	}))
	spans := l.spans.GetSpans()
	require.Len(t, spans, 3)
	atomic := spans[2]
	assert.Equal(t, "atomic", atomic.Name)
	assert.Equal(t, codes.Unset, atomic.Status.Code)
	assert.Equal(t, int64(2), attributes(atomic.Attributes)["stillframe.attempts"])
	for i, span := range spans[:2] {
		assert.Equal(t, atomic.SpanContext.SpanID(), span.Parent.SpanID(), "a child of the Atomic")
		assert.Equal(t, int64(i+1), attributes(span.Attributes)["stillframe.run"])
		assert.Equal(t, codes.Unset, span.Status.Code)
		assert.NotContains(t, attributes(span.Attributes), "stillframe.key")
	}
	assert.Equal(t, true, attributes(spans[0].Attributes)["stillframe.rerun"])
	require.NotEmpty(t, atomic.Events)
	assert.Equal(t, "clubs", attributes(atomic.Events[0].Attributes)["db.collection.name"], "what was met")
}

// TestMetrics counts what TestSpans reads.
func TestMetrics(t *testing.T) {
	ctx := t.Context()
	l := newLab(t, true)
	for range 3 {
		_, err := l.clubs.Get(ctx, 7)
		require.NoError(t, err)
	}
	first := true
	_, err := l.clubs.Modify(ctx, 7, func(c *club) error {
		if first {
			l.move(9)
		}
		first = false
		c.Balance++
		return nil
	})
	require.NoError(t, err)
	own := errors.New("the caller's own")
	_, err = l.clubs.Modify(ctx, 7, func(*club) error { return own })
	require.ErrorIs(t, err, own)

	var got metricdata.ResourceMetrics
	require.NoError(t, l.reader.Collect(ctx, &got))
	counts := make(map[string]uint64)
	for _, m := range got.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			assert.Equal(t, "s", m.Unit)
			for _, p := range data.DataPoints {
				counts[m.Name+" "+label(p.Attributes)] += p.Count
			}
		case metricdata.Histogram[int64]:
			for _, p := range data.DataPoints {
				counts[m.Name+" "+label(p.Attributes)] += uint64(p.Sum)
			}
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				counts[m.Name+" "+label(p.Attributes)] += uint64(p.Value)
			}
		}
	}
	assert.Equal(t, map[string]uint64{
		"db.client.operation.duration insert clubs":        1,
		"db.client.operation.duration get clubs":           3,
		"db.client.operation.duration modify clubs":        1,
		"db.client.operation.duration modify clubs _OTHER": 1,
		"db.client.response.returned_rows get clubs":       3,
		"stillframe.client.conflicts modify clubs":         1,
		"stillframe.client.retries modify clubs":           1,
	}, counts)
}

// label is the operation, the collection and the error of a point; a key among its attributes would make as many
// series as there are rows.
func label(set attribute.Set) string {
	text := ""
	for _, name := range []attribute.Key{"db.operation.name", "db.collection.name", "error.type"} {
		if v, ok := set.Value(name); ok {
			text += " " + v.AsString()
		}
	}
	if v, ok := set.Value("stillframe.key"); ok {
		text += " key " + v.AsString()
	}
	return text[1:]
}

// TestDefaults makes an observer of the global providers, which do nothing unless a program has set them.
func TestDefaults(t *testing.T) {
	observer, err := otel.New(nil)
	require.NoError(t, err)
	db := memstore.Open(&memstore.Options{Store: store.Options{Observer: observer}})
	clubs := store.MustRepository[club, int64](db, "clubs", nil)
	require.NoError(t, clubs.Insert(t.Context(), &club{ID: 7}))
}
