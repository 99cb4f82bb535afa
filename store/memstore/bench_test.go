package memstore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

func benchCollection(tb testing.TB) driver.Collection {
	c, err := newEngine(settings{}).Collection(accountSpec())
	require.NoError(tb, err)
	for id := range int64(1000) {
		_, err := c.Insert(tb.Context(), &driver.InsertParams{
			Records: []driver.Record{driver.RecordOf(&account{ID: id, Name: "name"})}, Version: 1,
		})
		require.NoError(tb, err)
	}
	return c
}

func BenchmarkGet(b *testing.B) {
	c := benchCollection(b)
	var a account
	p := &driver.GetParams{Key: int64(700), Into: driver.RecordOf(&a)}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Get(b.Context(), p)
	}
}

func BenchmarkUpdate(b *testing.B) {
	c := benchCollection(b)
	p := &driver.UpdateParams{Key: int64(700), Record: driver.RecordOf(&account{}), Fields: []int{balanceField}}
	b.ReportAllocs()
	for b.Loop() {
		p.Expect++
		p.Next = p.Expect + 1
		_, _ = c.Update(b.Context(), p)
	}
}

func BenchmarkFindPage(b *testing.B) {
	c := benchCollection(b)
	spec := accountSpec()
	p := &driver.FindParams{
		Order: []driver.Order{{Field: &spec.Key}}, Limit: 20,
		Into: func() driver.Record { return driver.RecordOf(&account{}) },
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Find(b.Context(), p)
	}
}

// A Get of a row with scalar fields allocates nothing of its own.
func TestGetAllocations(t *testing.T) {
	c := benchCollection(t)
	ctx := t.Context()
	var a account
	p := &driver.GetParams{Key: int64(700), Into: driver.RecordOf(&a)}
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Get(ctx, p) }))
}
