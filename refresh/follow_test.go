package refresh_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestFollow(t *testing.T) {
	b := newBench(t, 10, 20, 30)
	rich := store.Where("Budget", store.Ge, 20).OrderByDesc("Budget").Limit(3)
	type page struct{ items, entered, changed, left []int64 }
	steps := []struct {
		do   func()
		want page
	}{
		{func() {}, page{items: []int64{3, 2}, entered: []int64{3, 2}}},
		{func() { pay(t, b.here, 1, 15) }, page{items: []int64{3, 1, 2}, entered: []int64{1}}},
		{func() { pay(t, b.here, 2, 100) }, page{items: []int64{2, 3, 1}, changed: []int64{2}}},
		{func() { pay(t, b.here, 3, -20) }, page{items: []int64{2, 1}, left: []int64{3}}},
		{func() { require.NoError(t, b.here.DeleteKey(t.Context(), 1)) }, page{items: []int64{2}, left: []int64{1}}},
		{
			func() { require.NoError(t, b.here.Insert(t.Context(), &club{ID: 1, Budget: 21})) },
			page{items: []int64{2, 1}, entered: []int64{1}},
		},
	}
	steps[0].do()
	i := 0
	for p, err := range refresh.Follow(t.Context(), b.here, rich, never) {
		require.NoError(t, err)
		got := page{entered: p.Entered, changed: p.Changed, left: p.Left}
		for _, c := range p.Items {
			got.items = append(got.items, c.ID)
		}
		assert.Equal(t, steps[i].want, got, "step %d", i)
		if i++; i == len(steps) {
			break
		}
		steps[i].do()
	}
}

// TestFollowFindsWritesOfOthers has nobody tell of them.
func TestFollowFindsWritesOfOthers(t *testing.T) {
	b := newBench(t, 10)
	failed := 0
	for p, err := range refresh.Follow(t.Context(), b.here, store.Query{}.Limit(10), often) {
		require.NoError(t, err)
		if p.Items[0].Version == 2 {
			assert.Equal(t, []int64{1}, p.Changed)
			break
		}
		pay(t, b.away, 1, 1)
		b.fault.set(func(memstore.Call) error { // and the server goes away
			if failed++; failed < 4 {
				return memstore.ErrUnavailable
			}
			return nil
		})
	}
}

func TestFollowEnds(t *testing.T) {
	b := newBench(t, 10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	var ended error
	for _, err := range refresh.Follow(ctx, b.here, store.Query{}.Limit(10), never) {
		if err != nil {
			ended = err
			continue
		}
		cancel()
	}
	require.ErrorIs(t, ended, context.Canceled)
	for _, err := range refresh.Follow(t.Context(), b.here, store.Where("No", store.Eq, 1).Limit(1), nil) {
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	for _, err := range refresh.Follow(t.Context(), b.here, store.Query{}.Limit(refresh.MostFollowed+1), nil) {
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}
