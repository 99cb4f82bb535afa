package benchmarks

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

const (
	hotGoroutines = 64
	hotTurn       = time.Second
	hotTurns      = 3
)

// hotWay is one way to add 1 to one row, by many goroutines at the same time.
type hotWay struct {
	name string
	add  func(ctx context.Context, goroutine int) error
	// returned, where it is not nil, holds the versions that the calls have returned.
	returned *versions

	took []time.Duration
	time time.Duration
}

// versions collects the versions that calls return.
type versions struct {
	mu  sync.Mutex
	all []int64
}

// TestCompareHotRow lets 64 goroutines add 1 to one row, in several ways in turn, and prints what each does in a
// second. Several clients stand for several processes: each is a DB of its own, and they know nothing of each other.
// It also checks what the library's ways have returned: each version once.
func TestCompareHotRow(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	for _, server := range []*testbed.Server{testbed.MariaDB(t), testbed.MySQL(t)} {
		dsn := server.Database(t)
		open := func() *store.DB {
			db, err := mysql.Open(t.Context(), dsn, nil)
			require.NoError(t, err)
			t.Cleanup(func() { _ = db.Close() })
			return db
		}
		db := open()
		ways := hotLibrary(t, db, open)
		pool, _ := mysql.Native(db)
		compareHot(t, server.Product()+" "+server.Version(), append(ways, hotByHand(t, pool.DB)...))
	}
	set := testbed.Mongo(t)
	name := set.Database(t)
	open := func() *store.DB {
		db, err := mongo.Open(t.Context(), set.URI(), name, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db := open()
	ways := hotLibrary(t, db, open)
	native, _ := mongo.Native(db)
	clubs := native.Collection("hot_bare")
	_, err := clubs.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 0}})
	require.NoError(t, err)
	ways = append(ways, &hotWay{name: "$inc", add: func(ctx context.Context, _ int) error {
		_, err := clubs.UpdateByID(ctx, 1, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}})
		return err
	}})
	compareHot(t, db.Info().Server, ways)
}

// hotLibrary are the library's ways: each call by itself in turns, combined, and combined by two and four clients.
func hotLibrary(t *testing.T, db *store.DB, open func() *store.DB) []*hotWay {
	way := func(name string, o *store.RepositoryOptions, clients ...*store.DB) *hotWay {
		w := &hotWay{name: name, returned: &versions{}}
		table := fmt.Sprintf("hot_%d_%v", len(clients), o != nil)
		var hot []*store.Repository[Club, int64]
		for _, client := range clients {
			hot = append(hot, store.MustRepository[Club, int64](client, table, o))
		}
		require.NoError(t, hot[0].EnsureSchema(t.Context()))
		require.NoError(t, hot[0].Insert(t.Context(), &Club{ID: 1}))
		w.add = func(ctx context.Context, goroutine int) error {
			c, err := hot[goroutine%len(hot)].Modify(ctx, 1, func(c *Club) error { c.Balance++; return nil })
			w.returned.mu.Lock()
			defer w.returned.mu.Unlock()
			w.returned.all = append(w.returned.all, c.Version)
			return err
		}
		return w
	}
	combined := &store.RepositoryOptions{Combine: true}
	second, third, fourth := open(), open(), open()
	return []*hotWay{
		way("Combine", combined, db),
		way("Modify", nil, db),
		way("Combine, two clients", combined, db, second),
		way("Combine, four clients", combined, db, second, third, fourth),
	}
}

// hotByHand are the ways of a careful and of a careless programmer: a locking read with an update in a transaction,
// and the bare update that needs no read.
func hotByHand(t *testing.T, pool *sql.DB) []*hotWay {
	_, err := pool.ExecContext(t.Context(), "CREATE TABLE hot_bare (id BIGINT PRIMARY KEY, n BIGINT) ENGINE=InnoDB")
	require.NoError(t, err)
	_, err = pool.ExecContext(t.Context(), "INSERT INTO hot_bare VALUES (1, 0), (2, 0)")
	require.NoError(t, err)
	prepare := func(text string) *sql.Stmt {
		s, err := pool.PrepareContext(t.Context(), text)
		require.NoError(t, err)
		return s
	}
	lock := prepare("SELECT n FROM hot_bare WHERE id = 1 FOR UPDATE")
	set := prepare("UPDATE hot_bare SET n = ? WHERE id = 1")
	add := prepare("UPDATE hot_bare SET n = n + 1 WHERE id = 2")
	return []*hotWay{
		{name: "FOR UPDATE by hand", add: func(ctx context.Context, _ int) error {
			tx, err := pool.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			var n int64
			if err := tx.StmtContext(ctx, lock).QueryRowContext(ctx).Scan(&n); err != nil {
				return err
			}
			if _, err := tx.StmtContext(ctx, set).ExecContext(ctx, n+1); err != nil {
				return err
			}
			return tx.Commit()
		}},
		{name: "UPDATE n = n + 1", add: func(ctx context.Context, _ int) error {
			_, err := add.ExecContext(ctx)
			return err
		}},
	}
}

// compareHot runs the ways in turn and prints their medians and the ratios to the last one.
func compareHot(t *testing.T, title string, ways []*hotWay) {
	for range hotTurns {
		for _, w := range ways {
			w.turn(t)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "\n%s, %d goroutines on one row\ta second\tmedian\tp99\tto the last\t\n", title, hotGoroutines)
	last := ways[len(ways)-1].rate()
	for _, w := range ways {
		slices.Sort(w.took)
		fmt.Fprintf(out, "%s\t%.0f\t%v\t%v\t%.2f\t\n", w.name, w.rate(), w.took[len(w.took)/2].Round(1000),
			w.took[len(w.took)*99/100].Round(1000), w.rate()/last)
	}
	_ = out.Flush()
	for _, w := range ways {
		if w.returned != nil {
			slices.Sort(w.returned.all)
			for i, v := range w.returned.all {
				if !assert.Equal(t, int64(i+2), v, w.name) {
					break
				}
			}
		}
	}
}

func (w *hotWay) rate() float64 { return float64(len(w.took)) / w.time.Seconds() }

// turn lets all goroutines do their work this way for a while.
func (w *hotWay) turn(t *testing.T) {
	ctx := t.Context()
	start := time.Now()
	took := make([][]time.Duration, hotGoroutines)
	var all sync.WaitGroup
	for i := range hotGoroutines {
		all.Go(func() {
			for time.Since(start) < hotTurn {
				began := time.Now()
				if err := w.add(ctx, i); err != nil {
					t.Errorf("%s: %v", w.name, err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	all.Wait()
	w.time += time.Since(start)
	for _, each := range took {
		w.took = append(w.took, each...)
	}
}
