package storetest

import (
	"context"
	goflag "flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/game"
	"github.com/stillframe/stillframe/store/storetest/internal/history"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// Histories: many clients on several handles make random calls on a few rows, and what each was told
// must be explained by one order of all of them. A lost update, a stale or dirty read, a commit that
// applies half, or a View of two moments leaves no such order, however seldom it comes. The tests that
// play them stand with their guarantees.

// played has clients make calls of these kinds on a few rows, over three handles, and checks the
// history. The calls of one handle are combined, where versions allow it.
func played[T any](e *env, r *repository[T, int64], s game.Shape[T], rows, mortal int, kinds []string) {
	e.Helper()
	seed := e.seed()
	clients, each := scaled(8, 6), scaled(120, 40)
	g := game.New()
	handles := []*store.DB{e.nudged(), e.nudged(), e.open(store.Options{})}
	o := &store.RepositoryOptions{
		ModifyTimeout: patient.ModifyTimeout, ModifyAttempts: patient.ModifyAttempts, PageSize: 2,
	}
	repositories := make([]*store.Repository[T, int64], len(handles))
	for i, db := range handles {
		o := *o
		o.Combine = i == 0 && !s.AnyVersion
		repositories[i] = r.on(db, &o)
	}
	players := make([]*game.Player[T], clients)
	for i := range players {
		db := handles[i%len(handles)]
		players[i] = &game.Player[T]{
			Game: g, Shape: s, DB: db, Repo: repositories[i%len(handles)], Client: i,
			IsCombined: i%len(handles) == 0 && !s.AnyVersion,
			Random:     rand.New(rand.NewPCG(seed, uint64(i))), First: 1, Rows: rows, Mortal: mortal,
			Tx:    &store.TxOptions{RunTimeout: time.Minute, Timeout: 4 * time.Minute},
			Kinds: kinds,
		}
	}
	setup := players[0]
	for row := mortal; row < rows; row++ {
		require.True(e, setup.Insert(e.ctx, row))
	}
	e.parallel(clients, each, func(ctx context.Context, client, _ int) error {
		players[client].Play(ctx)
		return nil
	})
	for row := range rows { // what is there in the end belongs to it
		require.True(e, setup.Get(e.ctx, row))
	}
	h := g.History()
	h.AnyVersion = s.AnyVersion
	e.explained(h.Check(checkLimit), seed)
	require.Empty(e, g.Odd())
	n := g.Counts()
	e.Logf("%d calls by %d clients, %d conflicts, %d of unknown outcome, %d that did nothing",
		n.Calls, clients, n.Conflicts, n.Unknown, n.Nothing)
	require.NotEmpty(e, g.Acknowledged(), "no write was acknowledged")
}

// nudged opens a handle that lets other goroutines go first before some of its calls on the backend.
// Calls of a backend that answers within microseconds would hardly ever meet otherwise.
func (e *env) nudged() *store.DB {
	return e.behind(store.Options{}, func(ctx context.Context, _ *intercept.Call, next intercept.Next) error {
		for range rand.IntN(4) {
			runtime.Gosched()
		}
		return next(ctx)
	})
}

// checkLimit bounds the search for an order. A search that takes longer fails the test too.
const checkLimit = 2 * time.Minute

// explained fails the test with the parts of a history that have no order, or none that was found in
// time, and writes them to files.
func (e *env) explained(v history.Verdict, seed uint64) {
	e.Helper()
	if v.Right() {
		return
	}
	folder := e.failures()
	for i, part := range append(v.Wrong, v.Undecided...) {
		about := fmt.Sprintf("%s, STORETEST_SEED=%d", e.Name(), seed)
		text, picture, err := part.Write(folder, fmt.Sprintf("%s_%d_%d", e.Name(), seed, i), about)
		require.NoError(e, err)
		what := "no order of these %d calls explains what they were told (%d of unknown outcome):\n%s\n%s"
		if i >= len(v.Wrong) {
			what = "it was not found out in time whether " +
				"an order of these %d calls explains what they were told (%d of unknown outcome):\n%s\n%s"
		}
		e.Errorf(what, len(part.Ops), part.Unknown(), text, picture)
	}
	e.FailNow()
}

// failures is where the files of a failed test go: the folder that the environment variable
// STORETEST_FAILURES names, else go test's with -artifacts, else one for temporary files that stays.
func (e *env) failures() string {
	e.Helper()
	if folder := os.Getenv("STORETEST_FAILURES"); folder != "" {
		return folder
	}
	if f := goflag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return e.ArtifactDir()
	}
	folder, err := os.MkdirTemp("", "storetest-failures-")
	require.NoError(e, err)
	return folder
}

var accountShape = game.Shape[account]{
	Made: func(key int64) account { return account{ID: key} },
	Key:  func(a account) int64 { return a.ID },
	Row: func(a account) history.Row {
		return history.Row{Exists: true, Version: a.Version, Value: a.Amount}
	},
	Set: func(a *account, id int64) { a.Amount, a.Marks = id, append(a.Marks, id) },
}

var stampedShape = game.Shape[stamped]{
	Made: func(key int64) stamped { return stamped{ID: key} },
	Key:  func(s stamped) int64 { return s.ID },
	Row: func(s stamped) history.Row {
		return history.Row{Exists: true, Version: s.Rev, Value: s.Amount}
	},
	Set:        func(s *stamped, id int64) { s.Amount = id },
	AnyVersion: true,
}
