package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// trap is what breaks in the user's code: it calls stop in the place that is set.
type trap struct {
	place string
	stop  func()
}

var armed struct {
	sync.Mutex
	trap
}

// spring stops the goroutine when the trap is set for the place.
func spring(place string) {
	armed.Lock()
	t := armed.trap
	armed.Unlock()
	if t.place == place {
		t.stop()
	}
}

func set(t trap) {
	armed.Lock()
	defer armed.Unlock()
	armed.trap = t
}

// sprung has user's code in each place in which the library calls it.
type sprung struct {
	store.Snapshot
	ID      int64      `store:"key"`
	Note    springNote `store:"json"`
	Updated time.Time  `store:"updated"`
	N       int64
}

func (s *sprung) Validate() error { spring("validate"); return nil }

type springNote struct{ Text string }

func (n springNote) MarshalJSON() ([]byte, error) { spring("marshal"); return json.Marshal(n.Text) }

func (n *springNote) UnmarshalJSON(data []byte) error {
	spring("unmarshal")
	return json.Unmarshal(data, &n.Text)
}

// callLog counts the starts and ends of calls.
type callLog struct {
	mu           sync.Mutex
	starts, ends int
	lastEnd      error
}

func (l *callLog) CallStart(ctx context.Context, _ store.Call) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.starts++
	return ctx
}

func (l *callLog) CallEnd(_ context.Context, _ store.Call, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends++
	l.lastEnd = err
}

func (l *callLog) Conflict(context.Context, store.Call, error)   {}
func (l *callLog) Retry(context.Context, store.Call, int, error) {}

// TestUsersCodeThatDoesNotReturn has codecs, Validate, the clock, the fault hook, native conditions and
// functions panic or call Goexit in every verb, in Atomic and outside. No call may hang, no lock,
// transaction or change may stay, the entity in hand must be as it was, and the observer must hear the
// end of each call once.
func TestUsersCodeThatDoesNotReturn(t *testing.T) {
	ctx := t.Context()
	type verb struct {
		name string
		call func(r *store.Repository[sprung, int64], e *sprung) error
	}
	verbs := []verb{
		{"Get", func(r *store.Repository[sprung, int64], _ *sprung) error { _, err := r.Get(ctx, 1); return err }},
		{"GetMany", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, err := r.GetMany(ctx, []int64{1, 2})
			return err
		}},
		{"Find", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, err := store.Collect(r.Find(ctx, conditionOfUser()))
			return err
		}},
		{"First", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, err := r.First(ctx, conditionOfUser())
			return err
		}},
		{"Page", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, _, err := r.Page(ctx, conditionOfUser())
			return err
		}},
		{"Count", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, err := r.Count(ctx, conditionOfUser())
			return err
		}},
		{"Reload", func(r *store.Repository[sprung, int64], e *sprung) error { return r.Reload(ctx, e) }},
		{"IsStale", func(r *store.Repository[sprung, int64], e *sprung) error {
			_, err := r.IsStale(ctx, *e)
			return err
		}},
		{"Insert", func(r *store.Repository[sprung, int64], _ *sprung) error { return r.Insert(ctx, &sprung{ID: 7}) }},
		{"Save", func(r *store.Repository[sprung, int64], e *sprung) error { return r.Save(ctx, e) }},
		{"Touch", func(r *store.Repository[sprung, int64], e *sprung) error { return r.Touch(ctx, e) }},
		{"Delete", func(r *store.Repository[sprung, int64], e *sprung) error { return r.Delete(ctx, *e) }},
		{"Modify", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, err := r.Modify(ctx, 1, func(s *sprung) error { spring("function"); s.N++; return nil })
			return err
		}},
		{"Upsert", func(r *store.Repository[sprung, int64], _ *sprung) error {
			_, err := r.Upsert(ctx, 8, func(s *sprung, _ bool) error { spring("function"); s.N++; return nil })
			return err
		}},
	}
	places := []string{
		"validate", "marshal", "unmarshal", "clock", "function", "condition",
		"get", "find", "count", "version", "insert", "update", "delete", "begin", "commit", "rollback",
	}
	ways := map[string]func(){"panic": func() { panic("user's code") }, "goexit": runtime.Goexit}
	defer set(trap{})
	for _, snapshots := range []bool{false, true} {
		for _, v := range verbs {
			for _, place := range places {
				for way, stop := range ways {
					for _, inTx := range []bool{false, true} {
						name := v.name + " " + place + " " + way
						log := &callLog{}
						db := memstore.Open(&memstore.Options{
							SnapshotReads: snapshots,
							Store: store.Options{Observer: log, Now: func() time.Time {
								spring("clock")
								return time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
							}},
							Fault: func(_ context.Context, c memstore.Call) error { spring(c.Op); return nil },
						})
						r := store.MustRepository[sprung, int64](db, "sprung", nil)
						held := sprung{ID: 1, Note: springNote{"old"}}
						require.NoError(t, r.Insert(ctx, &held))
						before := held
						set(trap{place, stop})
						run(func() {
							if !inTx {
								_ = v.call(r, &held)
								return
							}
							_ = db.Atomic(ctx, nil, func(_ context.Context, tx *store.Tx) error {
								if err := v.call(r.In(tx), &held); err != nil {
									return err
								}
								return errGiveUp
							})
						})
						set(trap{})
						native, _ := memstore.Native(db)
						assert.Zero(t, native.Transactions(), name)
						assert.Zero(t, native.Locks(), name)
						assert.Equal(t, log.starts, log.ends, name)
						if inTx {
							assert.Equal(t, before, held, name)
							n, err := r.Count(ctx, store.Query{})
							assert.NoError(t, err, name)
							assert.EqualValues(t, 1, n, name)
						}
						_, err := r.Modify(ctx, 1, func(s *sprung) error { s.N = 99; return nil })
						if !errors.Is(err, store.ErrNotFound) { // which a Delete leaves
							assert.NoError(t, err, name)
						}
					}
				}
			}
		}
	}
}

var errGiveUp = errors.New("give up")

func conditionOfUser() store.Query {
	return memstore.Where(func(map[string]any) bool { spring("condition"); return true })
}

// run calls fn on a goroutine of its own and waits until it has returned, panicked or exited.
func run(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		fn()
	}()
	<-done
}

// lender shares a time, a map and a slice with others.
type lender struct {
	store.Snapshot
	ID     int64 `store:"key"`
	Last   *time.Time
	ByName map[string]time.Time `store:"json"`
	All    []*time.Time         `store:"json"`
}

// TestWhatIsSharedIsNotWrittenTo inserts and saves entities that share a pointer, a map and a slice,
// all with times that must be cut, from several goroutines: under the race detector a write to any of
// them fails.
func TestWhatIsSharedIsNotWrittenTo(t *testing.T) {
	ctx := t.Context()
	r := store.MustRepository[lender, int64](memstore.Open(nil), "lenders", nil)
	fine := time.Date(2026, 5, 1, 1, 2, 3, 4, time.UTC)
	at := fine
	byName, all := map[string]time.Time{"a": fine}, []*time.Time{&at}
	var group sync.WaitGroup
	for id := range int64(4) {
		group.Go(func() {
			e := lender{ID: id, Last: &at, ByName: byName, All: all}
			assert.NoError(t, r.Insert(ctx, &e))
			assert.Equal(t, fine.Truncate(time.Microsecond), *e.Last)
			e.Last, e.ByName, e.All = &at, byName, all
			assert.NoError(t, r.Save(ctx, &e))
			_, err := r.Modify(ctx, id, func(e *lender) error {
				e.Last, e.ByName, e.All = &at, byName, all
				return errGiveUp
			})
			assert.ErrorIs(t, err, errGiveUp)
		})
	}
	group.Wait()
	assert.Equal(t, fine, at)
	assert.Equal(t, map[string]time.Time{"a": fine}, byName)
	assert.True(t, slices.Equal([]*time.Time{&at}, all))
}

// TestUndoKeepsToItsContainer replaces and empties, in a Tx that gives up, what the library has put
// into the entity: what is there then is the caller's and stays.
func TestUndoKeepsToItsContainer(t *testing.T) {
	ctx := t.Context()
	db := memstore.Open(nil)
	r := store.MustRepository[lender, int64](db, "lenders", nil)
	fine := time.Date(2026, 5, 1, 1, 2, 3, 4, time.UTC)
	other := map[string]time.Time{}
	for name, change := range map[string]func(e *lender){
		"nothing": func(*lender) {},
		"nil":     func(e *lender) { e.Last, e.ByName, e.All = nil, nil, nil },
		"others":  func(e *lender) { e.ByName, e.All = other, []*time.Time{} },
	} {
		at := fine
		e := lender{ID: 1, Last: &at, ByName: map[string]time.Time{"a": fine}, All: []*time.Time{&at}}
		want := e
		err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			if err := r.In(tx).Insert(ctx, &e); err != nil {
				return err
			}
			change(&e)
			return errGiveUp
		})
		require.ErrorIs(t, err, errGiveUp)
		change(&want)
		assert.Equal(t, want, e, name)
		assert.Equal(t, fine, at, name)
		assert.Empty(t, other, name)
	}
}

// TestViewKeepsWhatReloadRead reloads in a View that ends well, and in one that does not.
func TestViewKeepsWhatReloadRead(t *testing.T) {
	ctx := t.Context()
	db := memstore.Open(nil)
	r := store.MustRepository[sprung, int64](db, "sprung", nil)
	require.NoError(t, r.Insert(ctx, &sprung{ID: 1}))
	old, err := r.Get(ctx, 1)
	require.NoError(t, err)
	_, err = r.Modify(ctx, 1, func(s *sprung) error { s.N = 5; return nil })
	require.NoError(t, err)
	for _, end := range []error{errGiveUp, nil} {
		e := old
		err := db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			require.NoError(t, r.In(tx).Reload(ctx, &e))
			return end
		})
		require.ErrorIs(t, err, end)
		assert.Equal(t, end == nil, e.N == 5)
		assert.Equal(t, end == nil, e.Version == 2)
	}
}

// trimmed is normalized by its own Validate.
type trimmed struct {
	store.Snapshot
	ID   int64  `store:"key"`
	Name string `store:"size=3"`
	N    int64
}

var validateTrimmed func(*trimmed) error

func (t *trimmed) Validate() error { return validateTrimmed(t) }

// TestValidateIsPartOfTheChange has Validate normalize, spoil, and overstep.
func TestValidateIsPartOfTheChange(t *testing.T) {
	ctx := t.Context()
	db := memstore.Open(nil)
	r := store.MustRepository[trimmed, int64](db, "trimmed", nil)
	validateTrimmed = func(*trimmed) error { return nil }
	require.NoError(t, r.Insert(ctx, &trimmed{ID: 1, Name: "old"}))
	add := func(e *trimmed) error { e.N++; return nil }

	validateTrimmed = func(e *trimmed) error { e.Name = "new"; return nil }
	same, err := r.Modify(ctx, 1, func(*trimmed) error { return nil })
	require.NoError(t, err)
	require.Equal(t, "old", same.Name, "nothing was changed, so that nothing is validated or written")
	got, err := r.Modify(ctx, 1, add)
	require.NoError(t, err)
	stored, err := r.Get(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, "new", stored.Name)
	require.Equal(t, stored.Name, got.Name)

	for name, validate := range map[string]func(e *trimmed) error{
		"too long":    func(e *trimmed) error { e.Name = "much too long"; return nil },
		"not UTF-8":   func(e *trimmed) error { e.Name = "\xff"; return nil },
		"the key":     func(e *trimmed) error { e.ID = 9; return nil },
		"the version": func(e *trimmed) error { e.Version = 9; return nil },
		"its error":   func(e *trimmed) error { e.Name = "x"; return errGiveUp },
	} {
		validateTrimmed = validate
		_, err := r.Modify(ctx, 1, add)
		require.ErrorIs(t, err, store.ErrInvalid, name)
		held := stored
		require.ErrorIs(t, r.Save(ctx, &held), store.ErrInvalid, name)
		require.Equal(t, stored, held, name)
		fresh := trimmed{ID: 2}
		require.ErrorIs(t, r.Insert(ctx, &fresh), store.ErrInvalid, name)
		require.Equal(t, trimmed{ID: 2}, fresh, name)
	}
	validateTrimmed = func(*trimmed) error { return nil }
	after, err := r.Get(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, stored.Version, after.Version)
}

// TestOuterCallIsRefused makes a call without In(tx) inside a function, with a ctx from outside.
func TestOuterCallIsRefused(t *testing.T) {
	ctx := t.Context()
	for _, refuse := range []bool{false, true} {
		db := memstore.Open(&memstore.Options{
			LockTimeout: 20 * time.Millisecond, Store: store.Options{RefuseOuterCalls: refuse},
		})
		r := store.MustRepository[lender, int64](db, "lenders", &store.RepositoryOptions{ModifyAttempts: 1})
		require.NoError(t, r.Insert(ctx, &lender{ID: 1}))
		err := db.Atomic(ctx, nil, func(inner context.Context, tx *store.Tx) error {
			if err := r.In(tx).DeleteKey(inner, 1); err != nil {
				return err
			}
			run(func() { // another goroutine is another program, for all that anybody can tell
				_, err := r.Get(ctx, 1)
				assert.NoError(t, err)
			})
			return r.DeleteKey(ctx, 1)
		})
		if refuse {
			require.ErrorIs(t, err, store.ErrInvalid)
		} else {
			require.ErrorIs(t, err, store.ErrTransient)
		}
		require.ErrorContains(t, err, "use In(tx)")
		require.NoError(t, r.DeleteKey(ctx, 1), "outside")
	}
}

// TestTimeoutsAreTransient lets a function outlast its run in each way.
func TestTimeoutsAreTransient(t *testing.T) {
	db := memstore.Open(nil)
	r := store.MustRepository[lender, int64](db, "lenders", nil)
	o := &store.TxOptions{RunTimeout: 5 * time.Millisecond, Timeout: 20 * time.Millisecond}
	for name, fn := range map[string]func(ctx context.Context, tx *store.Tx) error{
		"returns nil":     func(ctx context.Context, _ *store.Tx) error { <-ctx.Done(); return nil },
		"returns the ctx": func(ctx context.Context, _ *store.Tx) error { <-ctx.Done(); return ctx.Err() },
		"makes a call": func(ctx context.Context, tx *store.Tx) error {
			<-ctx.Done()
			_, err := r.In(tx).Get(ctx, 1)
			return err
		},
	} {
		err := db.Atomic(t.Context(), o, fn)
		require.ErrorIs(t, err, store.ErrTransient, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.ErrorContains(t, err, "RunTimeout 5ms, Timeout 20ms", name)
	}
}

// TestAnyConflictRunsAgain meets two conflicts in one Tx, and gives up because of the first.
func TestAnyConflictRunsAgain(t *testing.T) {
	ctx := t.Context()
	db := memstore.Open(&memstore.Options{SnapshotReads: false})
	r := store.MustRepository[trimmed, int64](db, "trimmed", nil)
	validateTrimmed = func(*trimmed) error { return nil }
	require.NoError(t, r.InsertMany(ctx, []*trimmed{{ID: 1}, {ID: 2}}))
	runs := 0
	err := db.Atomic(ctx, nil, func(inner context.Context, tx *store.Tx) error {
		runs++
		a, err := r.In(tx).Get(inner, 1)
		require.NoError(t, err)
		b, err := r.In(tx).Get(inner, 2)
		require.NoError(t, err)
		if runs == 1 {
			for id := range int64(2) {
				_, err := r.Modify(ctx, id+1, func(e *trimmed) error { e.N++; return nil })
				require.NoError(t, err)
			}
		}
		first := r.In(tx).Save(inner, &a)
		_ = r.In(tx).Save(inner, &b)
		return first
	})
	require.NoError(t, err)
	require.Equal(t, 2, runs)
}

// TestRerunsThatCannotHelp ends at once what no other run would mend.
func TestRerunsThatCannotHelp(t *testing.T) {
	ctx := t.Context()
	type otherKey int64
	type view struct {
		store.Snapshot
		ID otherKey `store:"key"`
		N  int64
	}
	validateTrimmed = func(*trimmed) error { return nil }
	for _, snapshots := range []bool{false, true} {
		db := memstore.Open(&memstore.Options{SnapshotReads: snapshots})
		r := store.MustRepository[trimmed, int64](db, "trimmed", nil)
		views := store.MustRepository[view, otherKey](db, "trimmed", nil)
		require.NoError(t, r.Insert(ctx, &trimmed{ID: 1}))
		runs := 0
		require.NoError(t, db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			runs++
			if _, err := r.In(tx).Modify(ctx, 1, func(e *trimmed) error { e.N++; return nil }); err != nil {
				return err
			}
			return views.In(tx).Reload(ctx, &view{ID: 1})
		}))
		require.Equal(t, 1, runs, "one row under two key types")

		runs = 0
		err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			runs++
			_, err := r.In(tx).Modify(ctx, 1, func(e *trimmed) error {
				e.N++
				return views.In(tx).DeleteKey(ctx, 1)
			})
			return err
		})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.Equal(t, 1, runs, "the function deleted what it was to change")
	}
}
