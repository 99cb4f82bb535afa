package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// What an Observer is told, as part of Errors.
var _ = register(
	"Errors",
	Test{Name: "ObserverSeesEveryCall", run: observerCalls},
	Test{Name: "ObserverSeesConflictsAndRetries", run: observerRetries},
	Test{Name: "ObserverSeesATx", needs: transactions, run: observerTx},
	Test{Name: "ObserverSeesWhatARunThrewAway", needs: transactions, run: observerReruns},
	Test{Name: "ObserverCounts", run: observerCounts},
	Test{Name: "ObserversErrorsStay", run: observerErrors},
	Test{Name: "ObserversContextIsUsed", run: observerContext},
)

// watched is one thing that an Observer was told.
type watched struct {
	text string // "start get"
	call store.Call
	err  error
}

// watcher is an Observer that keeps what it is told.
type watcher struct {
	mu  sync.Mutex
	all []watched
}

type watchKey struct{}

func (w *watcher) add(text string, c store.Call, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && (text == "conflict" || text == "retry") {
		text += " " + c.Key
	}
	w.all = append(w.all, watched{text + " " + c.Op, c, err})
}

func (w *watcher) take() []watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

func (w *watcher) texts() []string {
	var list []string
	for _, x := range w.take() {
		list = append(list, x.text)
	}
	return list
}

func (w *watcher) CallStart(ctx context.Context, c store.Call) context.Context {
	w.add("start", c, nil)
	return context.WithValue(ctx, watchKey{}, c.Op)
}
func (w *watcher) CallEnd(_ context.Context, c store.Call, err error) { w.add("end", c, err) }
func (w *watcher) Conflict(_ context.Context, c store.Call, err error) {
	w.add("conflict", c, err)
}

func (w *watcher) Retry(_ context.Context, c store.Call, _ int, err error) {
	w.add("retry", c, err)
}

// observerCalls compares what the Observer is told with what the caller sees: one start and one end for each call,
// however it ends.
func observerCalls(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	ours := r.on(e.open(store.Options{Observer: watch}), nil)
	watch.take()
	for _, v := range verbs {
		a := r.get(1)
		err := v.call(e.ctx, ours, &a)
		all := watch.take()
		if !assert.Len(e, all, 2, "%s: a start and an end", v.name) {
			continue
		}
		assert.Equal(e, "start "+v.name, all[0].text)
		assert.Equal(e, "end "+v.name, all[1].text)
		assert.Equal(e, err, all[1].err, v.name)
		assert.Equal(e, r.name, all[0].call.Entity, v.name)
		if r.raw(1) == nil {
			inserted(r, account{ID: 1})
		}
	}
	a := account{ID: 1}
	err := ours.Save(e.ctx, &a)
	all := watch.take()
	require.Len(e, all, 2, "a call that is refused before any I/O is a call")
	require.Equal(e, err, all[1].err)
	require.Equal(e, "1", all[1].call.Key)
	for range ours.Find(e.ctx, store.Query{}) { //stalecheck:ignore the loop is what is tested
		break
	}
	require.Equal(e, []string{"start find", "end find"}, watch.texts(), "a loop that is broken off ends")
	require.Panics(e, func() { _, _ = ours.Modify(e.ctx, 1, func(*account) error { panic("boom") }) })
	all = watch.take()
	require.Len(e, all, 2)
	require.Error(e, all[1].err)
}

// observerRetries compares the Observer's events of a Modify that runs again, and of a Save that does not, with what
// happened.
func observerRetries(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	ours := r.on(e.open(store.Options{Observer: watch}), nil)
	watch.take()
	runs := 0
	_, err := ours.Modify(e.ctx, 1, func(a *account) error {
		if runs++; runs <= 2 {
			r.modify(1, credit1)
		}
		a.Amount++
		return nil
	})
	require.NoError(e, err)
	require.Equal(
		e,
		[]string{
			"start modify", "conflict 1 modify", "retry 1 modify", "conflict 1 modify", "retry 1 modify", "end modify",
		},
		watch.texts(),
	)
	stale := r.get(1)
	r.modify(1, credit1)
	require.ErrorIs(e, ours.Save(e.ctx, &stale), store.ErrConflict)
	require.Equal(e, []string{"start save", "conflict 1 save", "end save"}, watch.texts())
}

func credit1(a *account) { a.Amount++ }

// observerTx counts the events of an Atomic that runs twice: one start, one end, one retry.
func observerTx(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	db := e.open(store.Options{Observer: watch})
	ours := r.on(db, nil)
	watch.take()
	runs := 0
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 1 {
			return clash(ctx, &accounts{Repository: ours, e: e, name: r.name, columns: r.columns}, tx, 1)
		}
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	starts, ends, retries := 0, 0, 0
	for _, x := range watch.take() {
		switch x.text {
		case "start atomic":
			starts++
		case "end atomic":
			ends++
			require.NoError(e, x.err)
		case "retry 1 atomic":
			retries++
			require.Equal(e, r.name, x.call.Entity, "a retry of Atomic names what was met")
		}
	}
	require.Equal(e, []int{1, 1, 1}, []int{starts, ends, retries})
}

// observerReruns has a call in Atomic meet another's write. Its error is told with the mark that the run is thrown
// away, and the calls of each run say which run is theirs.
func observerReruns(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	db := e.open(store.Options{Observer: watch})
	ours := r.on(db, nil)
	watch.take()
	runs := 0
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		a, err := ours.In(tx).Get(ctx, 1)
		if err != nil {
			return err
		}
		if runs++; runs == 1 {
			r.modify(1, credit1)
		}
		return ours.In(tx).Save(ctx, &a)
	}))
	var ends []watched
	for _, x := range watch.take() {
		if x.text == "end save" || x.text == "end get" || x.text == "end atomic" {
			ends = append(ends, x)
		}
	}
	require.Len(e, ends, 5)
	require.True(e, ends[1].call.Rerun, "Atomic runs again because of the error")
	require.Error(e, ends[1].err)
	for i, run := range []int{1, 1, 2, 2, 0} {
		require.Equal(e, run, ends[i].call.Run)
		require.Equal(e, run > 0, ends[i].call.InTx)
		require.Equal(e, i == 1, ends[i].call.Rerun)
	}
	require.Equal(e, 2, ends[4].call.Attempts, "the runs of the function")
	// An error that the function lives with, or that no run can mend, is one of the user's.
	require.ErrorIs(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_, err := ours.In(tx).Get(ctx, 99)
		return err
	}), store.ErrNotFound)
	for _, x := range watch.take() {
		require.False(e, x.call.Rerun, x.text)
	}
}

// observerCounts compares the rows, attempts and names that CallEnd is told with what was done. The time that a loop
// over Find takes for itself is not the call's: the loop's body lets others work for longer than it is told.
func observerCounts(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	ours := r.on(e.open(store.Options{Observer: watch}), &store.RepositoryOptions{PageSize: 2})
	watch.take()
	rows := map[string]int{
		"get": 1, "get many": 1, "find": 1, "first": 1, "page": 1, "count": 0, "reload": 1, "is stale": 0,
		"insert": 1, "insert many": 1, "save": 1, "modify": 1, "upsert": 1, "touch": 1, "delete": 1, "delete key": 1,
	}
	for _, v := range verbs {
		a := r.get(1)
		if v.call(e.ctx, ours, &a) == nil {
			end := watch.take()[1].call
			if want, ok := rows[v.name]; ok {
				assert.Equal(e, want, min(end.Rows, 1), v.name)
			}
			assert.Equal(e, 1, end.Attempts, v.name)
			assert.Equal(e, e.info.System, end.System)
			assert.Equal(e, e.info.Database, end.Database)
		}
		watch.take()
		if r.raw(1) == nil {
			inserted(r, account{ID: 1})
		}
	}
	runs := 0
	_, err := ours.Modify(e.ctx, 1, func(a *account) error {
		if runs++; runs <= 2 {
			r.modify(1, credit1)
		}
		a.Amount++
		return nil
	})
	require.NoError(e, err)
	all := watch.take()
	require.Equal(e, 3, all[len(all)-1].call.Attempts)
	require.Positive(e, all[len(all)-1].call.Duration)

	for i := range int64(8) {
		inserted(r, account{ID: 100 + i})
	}
	var body time.Duration
	n := 0
	began := time.Now()
	for _, err := range ours.Find(e.ctx, store.Query{}) {
		require.NoError(e, err)
		inBody := time.Now()
		n++
		r.modify(1, credit1)
		body += time.Since(inBody)
	}
	whole := time.Since(began)
	all = watch.take()
	end := all[len(all)-1].call
	require.Equal(e, n, end.Rows)
	require.LessOrEqual(e, end.Duration, whole-body, "the time in the loop's body is not the call's")
}

// observerErrors holds the errors of conflicts until the call has given up: their texts are as they were.
func observerErrors(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	ours := r.on(e.open(store.Options{Observer: watch}), &store.RepositoryOptions{ModifyAttempts: 3})
	watch.take()
	_, err := ours.Modify(e.ctx, 1, func(a *account) error {
		r.modify(1, credit1)
		a.Amount++
		return nil
	})
	require.ErrorIs(e, err, store.ErrConflict)
	require.ErrorContains(e, err, "gave up after 3 attempts")
	for _, x := range watch.take() {
		if x.err != nil && x.text != "end modify" {
			require.NotContains(e, x.err.Error(), "gave up", "an error that an observer holds was changed")
		}
	}
}

func observerContext(e *env) {
	r := newAccounts(e, 10)
	watch := &watcher{}
	var seen []any
	db := e.watchedBy(watch, &seen)
	ours := r.on(db, nil)
	_, err := ours.Get(e.ctx, 1)
	require.NoError(e, err)
	_, err = ours.Modify(e.ctx, 1, credit(1))
	require.NoError(e, err)
	require.Equal(
		e, []any{"get", "modify", "modify"}, seen, "the backend is called with the context that CallStart returned",
	)
}

// watchedBy opens a handle that notes the value that the observer has put into each call's context.
func (e *env) watchedBy(watch *watcher, seen *[]any) *store.DB {
	o := store.Options{Observer: watch}
	return e.behind(o, func(ctx context.Context, _ *intercept.Call, next intercept.Next) error {
		*seen = append(*seen, ctx.Value(watchKey{}))
		return next(ctx)
	})
}
