package store_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
)

// crowded is a database whose pool has no connection for the first transactions.
type crowded struct {
	driver.Database
	waits, begun int
}

func (d *crowded) Begin(ctx context.Context, p *driver.BeginParams) (driver.Tx, error) {
	d.begun++
	if d.begun <= d.waits {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return d.Database.Begin(ctx, p)
}

// TestRunThatDoesNotBegin has the end of a run meet a transaction that waits for its connection.
// The next run may find one, until the time for all runs is over, or the caller's ctx.
func TestRunThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	type call = func(*store.DB, context.Context, *store.TxOptions, func(context.Context, *store.Tx) error) error
	for name, call := range map[string]call{"Atomic": (*store.DB).Atomic, "View": (*store.DB).View} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &crowded{Database: memstore.Open(nil).Driver(), waits: 3}
				db, err := store.New(backend, nil)
				require.NoError(t, err)
				ran := 0
				fn := func(context.Context, *store.Tx) error { ran++; return nil }
				require.NoError(t, call(db, t.Context(), nil, fn))
				require.Equal(t, 1, ran)
				require.Equal(t, 4, backend.begun)

				backend.waits, backend.begun = 100, 0
				err = call(db, t.Context(), &store.TxOptions{RunTimeout: time.Second, Timeout: 3 * time.Second}, fn)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 3, backend.begun)

				backend.begun = 0
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.ErrorIs(t, call(db, ctx, nil, fn), context.DeadlineExceeded)
				require.Equal(t, 1, backend.begun)
				require.Equal(t, 1, ran)
			})
		})
	}
}
