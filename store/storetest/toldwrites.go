package storetest

import (
	"context"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// ToldWrites: OnWrite is told of each write of its DB before the call returns, and Changes of everybody's.
var _ = register(
	"ToldWrites",
	Test{Name: "EachWriteOfTheHandle", run: toldEach},
	Test{Name: "NothingThatDidNotHappen", run: toldNothing},
	Test{Name: "WhenTheTxIsCommitted", needs: transactions, run: toldCommitted},
	Test{Name: "UnknownOutcome", run: toldUnknown},
	Test{Name: "ChangesOfEverybody", needs: changes, run: toldChanges},
	Test{Name: "ChangesOfACommit", needs: func(i store.Info, h Harness) string {
		return changes(i, h) + transactions(i, h)
	}, run: toldChangesOfACommit},
	Test{Name: "ChangesEnd", needs: changes, run: toldChangesEnd},
	Test{Name: "ChangesRefused", needs: noChanges, run: toldChangesRefused},
	Test{Name: "VersionsOfMany", run: toldVersions},
	Test{Name: "VersionsOfTextKeys", run: toldVersionsOfTexts},
)

// told collects what OnWrite tells.
type told struct {
	mu  sync.Mutex
	all []store.Written
}

func (t *told) add(w store.Written) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, w)
}

// take returns what was told since it was called last.
func (t *told) take() []store.Written {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.all
	t.all = nil
	return all
}

// toldBy has a handle of its own tell of its writes.
func toldBy(e *env, r *accounts) (*accountRepository, *told) {
	db := e.open(store.Options{})
	t := &told{}
	e.Cleanup(db.OnWrite(t.add))
	return r.on(db, nil), t
}

func wrote(r *accounts, id, version int64) store.Written {
	return store.Written{Table: r.name, Key: id, Version: version}
}

// toldEach makes every kind of write of one entity, and each is told with its version.
func toldEach(e *env) {
	r := newAccounts(e)
	ours, t := toldBy(e, r)
	a := account{ID: 1}
	for i, write := range []func() error{
		func() error { return ours.Insert(e.ctx, &a) },
		func() error { a.Amount++; return ours.Save(e.ctx, &a) },
		func() error { return ours.Touch(e.ctx, &a) },
		func() error { _, err := ours.Modify(e.ctx, 1, credit(1)); return err },
		func() error {
			_, err := ours.Upsert(e.ctx, 1, func(a *account, _ bool) error { a.Amount++; return nil })
			return err
		},
	} {
		require.NoError(e, write())
		require.Equal(e, []store.Written{wrote(r, 1, int64(i+1))}, t.take())
	}
	require.NoError(e, ours.DeleteKey(e.ctx, 1))
	require.Equal(e, []store.Written{{Table: r.name, Key: int64(1), Deleted: true}}, t.take())
}

func toldNothing(e *env) {
	r := newAccounts(e, 10)
	ours, t := toldBy(e, r)
	stale := r.get(1)
	r.modify(1, func(a *account) { a.Amount++ })
	require.ErrorIs(e, ours.Save(e.ctx, &stale), store.ErrConflict)
	require.ErrorIs(e, ours.Insert(e.ctx, &account{ID: 1}), store.ErrExists)
	require.ErrorIs(e, ours.DeleteKey(e.ctx, 2), store.ErrNotFound)
	_, err := ours.Modify(e.ctx, 1, func(*account) error { return nil })
	require.NoError(e, err)
	_, err = ours.Modify(e.ctx, 1, func(*account) error { return errBoom })
	require.Equal(e, errBoom, err)
	require.Empty(e, t.take())
}

// toldCommitted has a Tx tell nothing when it is rolled back, and all when it is committed, in the order of its writes.
func toldCommitted(e *env) {
	r := newAccounts(e, 10, 20, 30)
	ours, t := toldBy(e, r)
	require.Equal(e, errBoom, ours.DB().Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(e, writeAll(ctx, ours.In(tx)))
		return errBoom
	}))
	require.Empty(e, t.take(), "nothing is committed")
	require.NoError(e, ours.DB().Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(e, writeAll(ctx, ours.In(tx)))
		require.Empty(e, t.take(), "nothing is committed yet")
		return nil
	}))
	require.Equal(e, []store.Written{
		wrote(r, 1, 2), wrote(r, 2, 2), {Table: r.name, Key: int64(3), Deleted: true}, wrote(r, 9, 1), wrote(r, 9, 2),
	}, t.take())
}

// toldUnknown loses the answer of a write: whoever listens is told that nobody knows.
func toldUnknown(e *env) {
	r := newAccounts(e, 10)
	db, arm := e.faulty()
	t := &told{}
	e.Cleanup(db.OnWrite(t.add))
	ours := r.on(db, nil)
	for _, landed := range []bool{true, false} {
		a := r.get(1)
		arm(Fault{Landed: landed})
		want := store.Written{Table: r.name, Key: int64(1), Unknown: true}
		if !e.unknown(ours.Save(e.ctx, &a), "Save") {
			want = wrote(r, 1, a.Version)
		}
		require.Equal(e, []store.Written{want}, t.take())
	}
}

// stream is a running Changes.
type stream struct {
	mu     sync.Mutex
	keys   map[int64]int // how often each was told
	all    int
	signal chan struct{}
	over   chan error
}

// add is told of changes.
func (s *stream) add(c store.Changes[int64]) {
	s.mu.Lock()
	for _, key := range c.Keys {
		s.keys[key]++
	}
	if c.All {
		s.all++
	}
	s.mu.Unlock()
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// watch has Changes tell, and returns when it does.
func watch(e *env, ctx context.Context, ours *accountRepository) *stream {
	s := &stream{keys: map[int64]int{}, signal: make(chan struct{}, 1), over: make(chan error, 1)}
	e.tasks.Go("changes", func(ended context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(ended, cancel)()
		s.over <- ours.Changes(ctx, s.add)
		return nil
	})
	s.await(e, func() bool { return s.all > 0 })
	return s
}

// await waits until what was told is as is says.
func (s *stream) await(e *env, is func() bool) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	for {
		s.mu.Lock()
		isDone := is()
		s.mu.Unlock()
		if isDone {
			return
		}
		select {
		case <-s.signal:
		case err := <-s.over:
			require.FailNow(e, "Changes has ended", "%v", err)
		case <-ctx.Done():
			require.FailNow(e, "a write was not told")
		}
	}
}

// toldChanges has others write, one of them behind the library's back and without a new version, and removes rows: each
// key is told.
func toldChanges(e *env) {
	r := newAccounts(e, 1, 2, 3, 4, 5, 6)
	s := watch(e, e.ctx, r.on(e.open(store.Options{}), nil))
	third := r.get(3)
	for id, write := range map[int64]func(){
		1: func() { r.modify(1, func(a *account) { a.Amount++ }) },
		2: func() { require.NoError(e, r.DeleteKey(e.ctx, 2)) },
		3: func() { require.NoError(e, r.Touch(e.ctx, &third)) },
		4: func() { r.set(4, Columns{"amount": int64(7)}) }, // behind the library's back, the version too
		5: func() { r.remove(5) },
		6: func() {
			a := r.get(6)
			a.Amount = 0
			require.NoError(e, r.Save(e.ctx, &a))
		},
		7: func() { inserted(r, account{ID: 7}) },
	} {
		write()
		s.await(e, func() bool { return s.keys[id] > 0 })
	}
	// One after another, quickly: each key is told.
	const n = 50
	for id := range int64(n) {
		inserted(r, account{ID: 100 + id})
	}
	s.await(e, func() bool {
		for id := range int64(n) {
			if s.keys[100+id] == 0 {
				return false
			}
		}
		return true
	})
	require.Equal(e, 1, s.all, "nothing was missed")
}

func toldChangesOfACommit(e *env) {
	r := newAccounts(e, 10, 20, 30)
	s := watch(e, e.ctx, r.on(e.open(store.Options{}), nil))
	e.atomic(func(ctx context.Context, tx *store.Tx) error { return writeAll(ctx, r.In(tx)) })
	s.await(e, func() bool { return s.keys[1] > 0 && s.keys[2] > 0 && s.keys[3] > 0 && s.keys[9] > 0 })
}

// toldChangesEnd ends a stream by its ctx, and asks for one where there can be none.
func toldChangesEnd(e *env) {
	r := newAccounts(e, 10)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	s := watch(e, ctx, r.Repository)
	cancel()
	require.ErrorIs(e, <-s.over, context.Canceled)
	e.only(r.Changes(e.ctx, nil), store.ErrInvalid)
	if e.info.Transactions {
		e.atomic(func(ctx context.Context, tx *store.Tx) error {
			e.only(r.In(tx).Changes(ctx, func(store.Changes[int64]) {}), store.ErrInvalid)
			return nil
		})
	}
}

func toldChangesRefused(e *env) {
	r := newAccounts(e, 10)
	e.only(r.Changes(e.ctx, func(store.Changes[int64]) {}), store.ErrUnsupported)
}

// toldVersions asks for keys that are there, were changed or are missing, for one twice, and for more than one
// statement carries.
func toldVersions(e *env) {
	r := numbered(e, 5)
	r.modify(2, func(a *account) { a.Amount += 7 })
	r.remove(4)
	none, err := r.Versions(e.ctx, nil)
	require.NoError(e, err)
	require.Empty(e, none)
	found, err := r.Versions(e.ctx, []int64{9, 5, 2, 2, 4, 1})
	require.NoError(e, err)
	require.Equal(e, map[int64]int64{1: 1, 2: 2, 5: 1}, found)
	many := make([]int64, 0, 2*e.info.MaxKeys+2)
	for id := range int64(min(cap(many), 3000)) {
		many = append(many, id)
	}
	found, err = r.Versions(e.ctx, many)
	require.NoError(e, err)
	require.Equal(e, map[int64]int64{1: 1, 2: 2, 3: 1, 5: 1}, found)
	if e.info.Transactions {
		e.atomic(func(ctx context.Context, tx *store.Tx) error {
			_, err := r.In(tx).Modify(ctx, 1, credit(1))
			require.NoError(e, err)
			found, err := r.In(tx).Versions(ctx, []int64{1, 4})
			require.NoError(e, err)
			require.Equal(e, map[int64]int64{1: 2}, found, "a Tx sees its own writes")
			return nil
		})
	}
}

// toldVersionsOfTexts has keys that a collation may take for the same.
func toldVersionsOfTexts(e *env) {
	type named struct {
		store.Snapshot `bson:",inline"`

		Name string `db:"name" bson:"_id" store:"key,size=20"`
	}
	r := newRepository[named, string](e, "named", nil)
	for _, name := range []string{"a", "A", "ä"} {
		require.NoError(e, r.Insert(e.ctx, &named{Name: name}))
	}
	require.NoError(e, r.DeleteKey(e.ctx, "A"))
	found, err := r.Versions(e.ctx, []string{"A", "a", "ä", "b"})
	require.NoError(e, err)
	require.Equal(e, map[string]int64{"a": 1, "ä": 1}, found)
}
