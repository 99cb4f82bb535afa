package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// faults are what the embedded databases of a test are told to do wrong: a function per database,
// which may be nil.
type faults [len(backends)]func(context.Context, memstore.Call) error

// openFaulty opens the three embedded databases as the program does, with faults.
func openFaulty(t *testing.T, f faults) databases {
	t.Helper()
	var dbs databases
	for i, b := range backends {
		o := b.embedded
		if f[i] != nil {
			o.Fault = f[i]
		}
		dbs[i] = memstore.Open(&o)
	}
	t.Cleanup(func() { assert.NoError(t, dbs.close()) })
	return dbs
}

// run64 replays a league with 64 workers.
func run64(t *testing.T, l *league, dbs databases) (*result, error) {
	t.Helper()
	return replaySeason(t.Context(), &options{workers: 64}, l, dbs, func() {})
}

// requireExact fails unless the databases hold exactly the season: its books, and one row in each
// database for each match that says that it is done.
func requireExact(t *testing.T, dbs databases, l *league, r *result) {
	t.Helper()
	if n := len(r.verdict.differences); n > 0 {
		require.Fail(t, "the season is not exact", "%d differences, such as %v", n, r.verdict.differences[0])
	}
	require.Zero(t, r.verdict.lost)
	require.EqualValues(t, 5*len(l.Matches), r.verdict.updates)
	require.True(t, r.ok())

	s, err := openSeason(t.Context(), dbs, l.Season, "season_")
	require.NoError(t, err)
	want := map[string]bool{}
	for _, m := range l.Matches {
		want[receiptKey(s.matchKey(m))] = true
	}
	for _, p := range []part{s.table, s.archive, s.bank} {
		got := map[string]bool{}
		for row, err := range p.posted.Find(t.Context(), s.receipts()) {
			require.NoError(t, err)
			got[row.Key] = true
		}
		require.True(t, maps.Equal(want, got), "%d matches are posted, not %d", len(got), len(want))
	}
}

// versions returns the version of every row of a season.
func versions(t *testing.T, dbs databases, name string) map[string]int64 {
	t.Helper()
	s, err := openSeason(t.Context(), dbs, name, "season_")
	require.NoError(t, err)
	all := map[string]int64{}
	collect(t, all, "club", s.clubs, s, func(c Club) (any, int64) { return c.ID, c.Version })
	collect(t, all, "standing", s.standings, s, func(x Standing) (any, int64) { return x.ID, x.Version })
	collect(t, all, "account", s.accounts, s, func(a Account) (any, int64) { return a.ID, a.Version })
	collect(t, all, "report", s.reports, s, func(r Report) (any, int64) { return r.ID, r.Version })
	for i, p := range []part{s.table, s.archive, s.bank} {
		for row, err := range p.posted.Find(t.Context(), s.receipts()) {
			require.NoError(t, err)
			all[fmt.Sprintf("posted %d %s", i, row.Key)] = row.Version
		}
	}
	return all
}

func collect[T any, K comparable](t *testing.T, all map[string]int64, what string, r *store.Repository[T, K], s *season,
	of func(T) (any, int64),
) {
	t.Helper()
	for row, err := range r.Find(t.Context(), s.rows()) {
		require.NoError(t, err)
		key, version := of(row)
		all[fmt.Sprintf("%s %v", what, key)] = version
	}
}

func TestReplayIsExact(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 16, 64, 1000} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			t.Parallel()
			l := premierLeagueSeason(t)
			dbs := openFaulty(t, faults{})
			var played atomic.Int64
			r, err := replaySeason(t.Context(), &options{workers: workers}, l, dbs, func() { played.Add(1) })
			require.NoError(t, err)
			requireExact(t, dbs, l, r)
			assert.EqualValues(t, 380, played.Load())
			assert.Equal(t, premierLeagueTable, rank(r.stored.standings))
		})
	}
}

func TestSecondRunChangesNothing(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	dbs := openFaulty(t, faults{})
	_, err := run64(t, l, dbs)
	require.NoError(t, err)
	before := versions(t, dbs, l.Season)
	require.Len(t, before, 20+20+20+380+3*380)
	// The row was inserted with 1 and then counted 38 matches, each in one write.
	require.EqualValues(t, 39, before["standing {English Premier League 2015/16 Leicester City}"])

	r, err := run64(t, l, dbs)
	require.NoError(t, err)
	requireExact(t, dbs, l, r)
	assert.True(t, maps.Equal(before, versions(t, dbs, l.Season)))
}

// Two processes may replay the same season into the same databases at the same time.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	dbs := openFaulty(t, faults{})
	results := make([]*result, 2)
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range results {
		both.Go(func() { results[i], errs[i] = run64(t, l, dbs) })
	}
	both.Wait()
	for i, r := range results {
		require.NoError(t, errs[i])
		requireExact(t, dbs, l, r)
	}
}

func TestSeasonsShareTheDatabases(t *testing.T) {
	t.Parallel()
	first := premierLeagueSeason(t)
	second := premierLeagueSeason(t)
	second.Season = "English Premier League 2015/16 again"
	second.Matches = second.Matches[:100]
	dbs := openFaulty(t, faults{})
	for _, l := range []*league{first, second} {
		_, err := run64(t, l, dbs)
		require.NoError(t, err)
	}
	other := versions(t, dbs, first.Season)

	// -fresh of one of them leaves the other alone.
	before := versions(t, dbs, second.Season)
	r, err := replaySeason(t.Context(), &options{workers: 8, fresh: true}, second, dbs, func() {})
	require.NoError(t, err)
	requireExact(t, dbs, second, r)
	assert.True(t, maps.Equal(other, versions(t, dbs, first.Season)))
	assert.Len(t, versions(t, dbs, second.Season), len(before))
	r, err = run64(t, first, dbs)
	require.NoError(t, err)
	requireExact(t, dbs, first, r)
}

// A changed file is not added on top of what is stored: it is reported, and -fresh starts again.
func TestFreshAfterTheFileChanged(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	dbs := openFaulty(t, faults{})
	_, err := run64(t, l, dbs)
	require.NoError(t, err)

	changed := premierLeagueSeason(t)
	changed.Matches[0].HomeGoals += 2
	r, err := run64(t, changed, dbs)
	require.NoError(t, err)
	assert.False(t, r.ok())
	assert.Zero(t, r.verdict.lost)
	assert.Len(t, r.verdict.differences, 2+2+1, "two standings, two accounts, one report")

	r, err = replaySeason(t.Context(), &options{workers: 64, fresh: true}, changed, dbs, func() {})
	require.NoError(t, err)
	requireExact(t, dbs, changed, r)
}

// An interrupted -fresh leaves each database with the whole season or with nothing of it, so that
// the next run is exact.
func TestInterruptedFresh(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	crash := errors.New("power cut")
	var armed atomic.Bool
	var deleted atomic.Int64
	dbs := openFaulty(t, faults{mongoBackend: func(_ context.Context, c memstore.Call) error {
		if armed.Load() && c.Op == "delete" && deleted.Add(1) == 200 {
			return crash
		}
		return nil
	}})
	_, err := run64(t, l, dbs)
	require.NoError(t, err)
	armed.Store(true)
	_, err = replaySeason(t.Context(), &options{workers: 64, fresh: true}, l, dbs, func() {})
	require.ErrorIs(t, err, crash)
	armed.Store(false)

	r, err := run64(t, l, dbs)
	require.NoError(t, err)
	requireExact(t, dbs, l, r)
}

// A crash between the parts of a match leaves some of them done. The next run finishes the rest.
func TestResumeAfterACrash(t *testing.T) {
	t.Parallel()
	crash := errors.New("power cut")
	for i, b := range backends {
		for _, op := range []string{"begin", "insert", "update", "commit"} {
			t.Run(b.flag+"/"+op, func(t *testing.T) {
				t.Parallel()
				if i == mongoBackend && op == "update" {
					t.Skip("match reports are inserted, never updated")
				}
				l := premierLeagueSeason(t)
				var armed atomic.Bool
				var seen atomic.Int64
				var f faults
				f[i] = func(_ context.Context, c memstore.Call) error {
					if armed.Load() && c.Op == op && seen.Add(1) > 100 {
						return crash
					}
					return nil
				}
				dbs := openFaulty(t, f)
				s, err := openSeason(t.Context(), dbs, l.Season, "season_")
				require.NoError(t, err)
				require.NoError(t, s.register(t.Context(), l.clubs()))

				armed.Store(true)
				_, err = run64(t, l, dbs)
				require.ErrorIs(t, err, crash)
				armed.Store(false)

				unfinished, err := s.read(t.Context())
				require.NoError(t, err)
				require.NotZero(t, compare(unfinished, compute(l)).lost, "the crash left nothing to do")
				r, err := run64(t, l, dbs)
				require.NoError(t, err)
				requireExact(t, dbs, l, r)
			})
		}
	}
}

func TestResumeAfterCancel(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	dbs := openFaulty(t, faults{})
	for _, matches := range []int64{1, 50, 300} {
		ctx, cancel := context.WithCancel(t.Context())
		var played atomic.Int64
		_, err := replaySeason(ctx, &options{workers: 64}, l, dbs, func() {
			if played.Add(1) == matches {
				cancel()
			}
		})
		cancel()
		if err != nil { // towards the end the workers may be done before they see it
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	r, err := run64(t, l, dbs)
	require.NoError(t, err)
	requireExact(t, dbs, l, r)
}

// Whatever answers are lost and whatever the databases refuse, each part is done once.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		op   string
		err  error
	}{
		{"CommitLostBefore", "commit", memstore.ErrLostBefore},
		{"CommitLostAfter", "commit", memstore.ErrLostAfter},
		{"CommitConflict", "commit", memstore.ErrWriteConflict},
		{"BeginUnavailable", "begin", memstore.ErrUnavailable},
		{"InsertLostAfter", "insert", memstore.ErrLostAfter},
		{"UpdateDeadlock", "update", memstore.ErrDeadlock},
		{"UpdateLostAfter", "update", memstore.ErrLostAfter},
		{"GetUnavailable", "get", memstore.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := premierLeagueSeason(t)
			var armed atomic.Bool
			var calls, failed atomic.Int64
			fault := func(_ context.Context, c memstore.Call) error {
				if armed.Load() && c.Op == tt.op && calls.Add(1)%7 == 0 {
					failed.Add(1)
					return tt.err
				}
				return nil
			}
			dbs := openFaulty(t, faults{fault, fault, fault})
			s, err := openSeason(t.Context(), dbs, l.Season, "season_")
			require.NoError(t, err)
			require.NoError(t, s.register(t.Context(), l.clubs()))

			armed.Store(true)
			require.NoError(t, replay(t.Context(), l.Matches, 64, s.play, func() {}))
			armed.Store(false)
			require.Greater(t, failed.Load(), int64(100))

			stored, err := s.read(t.Context())
			require.NoError(t, err)
			r := &result{verdict: compare(stored, compute(l))}
			requireExact(t, dbs, l, r)
		})
	}
}

// One run of a part that is too slow for Atomic's deadline is not the end of the replay.
func TestSlowRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, err := parseLeague([]byte(file(good)))
		require.NoError(t, err)
		var updates int
		dbs := openFaulty(t, faults{mysqlBackend: func(ctx context.Context, c memstore.Call) error {
			if c.Op == "update" {
				if updates++; updates == 2 {
					<-ctx.Done()
				}
			}
			return nil
		}})
		r, err := run64(t, l, dbs)
		require.NoError(t, err)
		requireExact(t, dbs, l, r)
		assert.Equal(t, patient.RunTimeout, r.elapsed.Truncate(time.Second), "it did wait")
	})
}

// A server that never answers a commit ends the run with the truth: nobody knows.
func TestUnknownOutcomesAreBounded(t *testing.T) {
	t.Parallel()
	l, err := parseLeague([]byte(file(good)))
	require.NoError(t, err)
	var commits atomic.Int64
	dbs := openFaulty(t, faults{sqlserverBackend: func(_ context.Context, c memstore.Call) error {
		if c.Op == "commit" {
			commits.Add(1)
			return memstore.ErrLostBefore
		}
		return nil
	}})
	_, err = run64(t, l, dbs)
	require.ErrorIs(t, err, store.ErrUnknownOutcome)
	assert.EqualValues(t, maxTries, commits.Load())
	assert.ErrorContains(t, err, "A - B, 2020-01-01: accounts: ")
}

func TestReplayStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	broken := errors.New("broken")
	var calls atomic.Int64
	err := replay(t.Context(), l.Matches, 1, func(_ context.Context, m match) error {
		if calls.Add(1) == 3 {
			return broken
		}
		return nil
	}, func() {})
	require.ErrorIs(t, err, broken)
	assert.EqualValues(t, 3, calls.Load())
}

func TestReplayGivesEachMatchOnce(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	var mu sync.Mutex
	seen := map[match]int{}
	var order []match
	require.NoError(t, replay(t.Context(), l.Matches, 16, func(_ context.Context, m match) error {
		mu.Lock()
		defer mu.Unlock()
		seen[m]++
		order = append(order, m)
		return nil
	}, func() {}))
	assert.Len(t, seen, 380)
	assert.Len(t, order, 380)
	assert.NotEqual(t, l.Matches, order, "the order is random")
}
