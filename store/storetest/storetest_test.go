package storetest_test

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// TestMain has the files of failed tests go into a folder of this package, which git ignores, and runs more tests at a
// time than there are processors: most of them wait for something that must not come, and not for a processor.
func TestMain(m *testing.M) {
	flag.Parse()
	if atATime := flag.Lookup("test.parallel"); atATime.Value.String() == atATime.DefValue {
		if err := atATime.Value.Set("8"); err != nil {
			panic(err)
		}
	}
	if os.Getenv("STORETEST_FAILURES") == "" {
		if err := os.Setenv("STORETEST_FAILURES", "failures"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// forms are the kinds of database that the in-process backend can be.
var forms = map[string]memstore.Options{
	"Locking":        {},
	"Snapshot":       {SnapshotReads: true},
	"Coarse":         {TimePrecision: time.Millisecond},
	"NoTransactions": {NoTransactions: true},
	"BSON":           {Tag: "bson", SnapshotReads: true},
}

func TestMemstore(t *testing.T) {
	for name, options := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, newHarness(options, nil))
		})
	}
}

// TestUnlocked runs the suite on a database that is of neither family: each read of a Tx has its own
// moment, and no read locks, as on a server that parses lock hints and ignores them.
func TestUnlocked(t *testing.T) {
	t.Parallel()
	storetest.Run(t, newHarness(memstore.Options{}, func(d driver.Database, _ *memstore.Database) driver.Database {
		unlocked := intercept.New(d, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			if p, ok := c.Params.(*driver.GetParams); ok {
				p.Lock = false
			}
			return next(ctx)
		})
		unlocked.ClaimInfo(func(i driver.Info) driver.Info {
			i.LockingReads = false
			return i
		})
		return unlocked
	}))
}

// TestRefusals runs the suite on a database that can do as little as there may be.
func TestRefusals(t *testing.T) {
	t.Parallel()
	storetest.Run(t, newHarness(memstore.Options{
		NoTransactions: true,
	}, func(d driver.Database, _ *memstore.Database) driver.Database {
		least := intercept.New(d, intercept.Pass)
		least.ClaimInfo(func(i driver.Info) driver.Info {
			i.AutoKeys, i.AutoVersion = false, false
			i.TrailingSpaces, i.CodePointOrder, i.UUIDOrder = false, false, false
			i.MaxKeys, i.DecimalDigits = 25, 20
			return i
		})
		return least
	}))
}

func TestTests(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range storetest.Tests() {
		name := test.Guarantee + "/" + test.Name
		assert.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
	}
	for _, guarantee := range []string{
		"Copies", "FreshReads", "Reload", "Versions", "TxThatDoesNotCommit", "NamedOutcomes", "NoAccidentalUpsert",
		"Modify", "CombinedCalls", "ManyAtOnce", "Atomic",
		"ReadsInTx", "ReloadAndModifyInTx", "Find", "Queries", "UnknownOutcome", "SameValues", "Cancellation",
		"NothingLeaks", "Mapping",
		"Schema", "Errors",
	} {
		assert.Condition(t, func() bool {
			for _, test := range storetest.Tests() {
				if test.Guarantee == guarantee {
					return true
				}
			}
			return false
		}, "no test is named after %s", guarantee)
	}
}

// wrapper puts something before a backend, which also comes as it is.
type wrapper = func(d driver.Database, native *memstore.Database) driver.Database

// newHarness is what a harness looks like: Open and Raw, and whatever else the backend can do. Each
// handle is passed through wrap, where that is not nil.
func newHarness(options memstore.Options, wrap wrapper) storetest.Harness {
	options.Fault = meetFault
	database := memstore.Open(&options)
	native, _ := memstore.Native(database)
	open := func(tb testing.TB, o store.Options) *store.DB {
		backend := driver.Database(handle{database.Driver()})
		if wrap != nil {
			backend = wrap(backend, native)
		}
		db, err := store.New(backend, &o)
		require.NoError(tb, err)
		return db
	}
	return storetest.Harness{
		Open: open,
		Raw:  raw{native},
		Leaks: func(tb testing.TB) {
			require.Zero(tb, native.Transactions(), "transactions are open")
			require.Zero(tb, native.Locks(), "locks are held")
			require.Zero(tb, native.Waiting(), "calls wait for locks")
		},
		Faults: func(tb testing.TB, o store.Options) (*store.DB, func(storetest.Fault)) {
			f := &faults{}
			o.Observer = f
			return open(tb, o), f.arm
		},
	}
}

// handle is one of several handles on one database: closing it closes nothing.
type handle struct{ driver.Database }

func (handle) Close() error { return nil }

// raw is the second connection.
type raw struct{ native *memstore.Database }

func (r raw) Set(tb testing.TB, row storetest.Row, columns storetest.Columns) {
	tb.Helper()
	require.NoError(tb, r.native.Put(tb.Context(), row.Table, row.Key, columns))
}

func (r raw) Unset(tb testing.TB, row storetest.Row, columns ...string) {
	tb.Helper()
	require.NoError(tb, r.native.Unset(tb.Context(), row.Table, row.Key, columns...))
}

func (r raw) Delete(tb testing.TB, row storetest.Row) {
	tb.Helper()
	require.NoError(tb, r.native.Remove(tb.Context(), row.Table, row.Key))
}

func (r raw) Read(_ testing.TB, row storetest.Row) storetest.Columns {
	columns, found := r.native.Row(row.Table, row.Key)
	if !found {
		return nil
	}
	return columns
}

// faults breaks the connection of one handle. The database's hook sees the calls of all handles; the
// handle of one is known by what its observer puts into the context.
type faults struct {
	mu    sync.Mutex
	armed *storetest.Fault
}

type faultsKey struct{}

func (f *faults) arm(fault storetest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = &fault
}

// meetFault is the fault hook of memstore for storetest's own harness: it loses the next write or commit for which a
// test has armed it.
func meetFault(ctx context.Context, c memstore.Call) error {
	f, ok := ctx.Value(faultsKey{}).(*faults)
	if !ok {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch c.Op {
	case "commit":
		if f.armed == nil || !f.armed.Commit {
			return nil
		}
	case "insert", "update", "delete":
		if f.armed == nil || f.armed.Commit {
			return nil
		}
	default:
		return nil
	}
	landed := f.armed.Landed
	f.armed = nil
	if landed {
		return memstore.ErrLostAfter
	}
	return memstore.ErrLostBefore
}

func (f *faults) CallStart(ctx context.Context, _ store.Call) context.Context {
	return context.WithValue(ctx, faultsKey{}, f)
}
func (f *faults) CallEnd(context.Context, store.Call, error)    {}
func (f *faults) Conflict(context.Context, store.Call, error)   {}
func (f *faults) Retry(context.Context, store.Call, int, error) {}
