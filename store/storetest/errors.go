package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/outcome"
)

// Errors: by sentinel, with the driver's error reachable, and without a value in their text.
var _ = register(
	"Errors",
	Test{Name: "SayTheCallAndTheKey", run: errorsText},
	Test{Name: "HoldNoFieldValue", run: errorsHoldNoValue},
	Test{Name: "KeyIsCutAt64Characters", run: errorsLongKey},
	Test{Name: "SecretKeyIsNotPrinted", run: errorsSecretKey},
	Test{Name: "ReachTheDriversError", run: errorsReach},
	Test{Name: "ByTheirClass", run: errorsClasses},
	Test{Name: "NilArguments", run: errorsNil},
	Test{Name: "ClosedDatabase", run: errorsClosed},
	Test{Name: "ClosedInsideATx", needs: transactions, run: errorsClosedInTx},
	Test{Name: "MissingTableIsNoAnswer", run: errorsMissingTable},
)

// errorsText states the text of an error in full, and its parts in Error: the verb, the table and the key.
func errorsText(e *env) {
	r, seats := newAccounts(e, 10), newSeats(e)
	a := r.get(1)
	r.remove(1)
	for _, v := range verbs {
		switch v.name {
		case "get", "reload", "is stale", "save", "touch", "modify", "delete", "delete key":
		default:
			continue
		}
		err := v.call(e.ctx, r.Repository, &a)
		require.Error(e, err, v.name)
		require.Equal(e, fmt.Sprintf("store: %s %s \"1\": not found", v.name, r.name), err.Error())
		own, ok := errors.AsType[*store.Error](err)
		require.True(e, ok)
		require.Equal(e, v.name, own.Op)
		require.Equal(e, r.name, own.Entity)
		require.Equal(e, "1", own.Key)
		require.Empty(e, own.Constraint)
	}
	_, err := seats.Get(e.ctx, seatKey{"2015-16", 7})
	e.names(err, "2015-16", "7", seats.name)
	_, err = r.First(e.ctx, store.Query{})
	e.names(err, "first", r.name)
}

// records keeps everything that is logged.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// errorsHoldNoValue makes every kind of error with a value that must not be shown, and looks at the
// texts and at what was logged.
func errorsHoldNoValue(e *env) {
	log := &records{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db := e.open(store.Options{Logger: logger})
	members, letters := newMembers(e), newLetters(e)
	ours, theirs := members.on(db, nil), letters.on(db, nil)
	inserted(members, member{ID: 1, Email: secret})
	stale := inserted(letters, letter{ID: "a", Body: secret})
	letters.modify("a", func(l *letter) { l.Body = secret + "!" })
	var all []error
	keep := func(err error) {
		e.Helper()
		require.Error(e, err)
		all = append(all, err)
	}
	keep(ours.Insert(e.ctx, &member{ID: 2, Email: secret}))
	keep(ours.Insert(e.ctx, &member{ID: 1, Email: secret + "2"}))
	_, err := ours.Upsert(e.ctx, 3, func(m *member, _ bool) error { m.Email = secret; return nil })
	keep(err)
	keep(theirs.Save(e.ctx, &stale))
	keep(theirs.Insert(e.ctx, &letter{ID: "b", Body: strings.Repeat(secret, 9)}))
	keep(theirs.Insert(e.ctx, &letter{ID: "b", Body: secret + "\xff"}))
	_, err = ours.Count(e.ctx, store.Where("Age", store.Eq, secret))
	keep(err)
	_, err = ours.Count(e.ctx, store.Where("Email", store.In, []any{secret, 1}))
	keep(err)
	_, _, err = ours.Page(e.ctx, store.Query{}.From(secret))
	keep(err)
	if e.info.Transactions {
		keep(db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			_ = ours.In(tx).Insert(ctx, &member{ID: 2, Email: secret})
			return nil
		}))
	}
	for _, err := range all {
		require.NotContains(e, err.Error(), secret)
		require.NotContains(e, fmt.Sprintf("%v", err), secret)
	}
	require.NotContains(e, log.text.String(), secret, "in the log")

	faulty, arm := madeUpFaults(e, e.open(store.Options{Logger: logger}))
	arm(Fault{Landed: true})
	keep(members.on(faulty, nil).Insert(e.ctx, &member{ID: 9, Email: secret + "9"}))
	require.NotContains(e, all[len(all)-1].Error(), secret)
}

// errorsLongKey has keys that are too long for a text: they are cut at a whole character, and what would break the line
// is quoted.
func errorsLongKey(e *env) {
	r := newLetters(e)
	for _, unit := range []string{"x", "é", "😀"} {
		key := strings.Repeat(unit, 100)
		_, err := r.Get(e.ctx, key)
		e.only(err, store.ErrNotFound)
		require.Contains(e, err.Error(), strings.Repeat(unit, 64))
		require.NotContains(e, err.Error(), strings.Repeat(unit, 65))
		key = strings.Repeat(unit, 64)
		_, err = r.Get(e.ctx, key)
		require.Contains(e, err.Error(), `"`+key+`"`, "one that fits is whole")
	}
	_, err := r.Get(e.ctx, "line\nbreak\" and \xff")
	e.only(err, store.ErrInvalid)
	require.NotContains(e, err.Error(), "\n", "a key is quoted")
	require.NotContains(e, err.Error(), "\xff")
}

// session has a key that is a secret.
type session struct {
	store.Snapshot `bson:",inline"`

	ID   string `db:"id" bson:"_id" store:"key,size=40,secret"`
	User int64  `db:"user_v" bson:"user_v"`
}

type secretPart struct {
	store.Snapshot `bson:",inline"`

	ID partlySecret `bson:"_id" store:"key"`
}

type partlySecret struct {
	User  int64  `db:"user_v" bson:"user_v"`
	Token string `db:"token" bson:"token" store:"size=40,secret"`
}

// errorsSecretKey has keys that are tagged secret, also as a part of a composite key: neither an error nor what the
// Observer is told shows them.
func errorsSecretKey(e *env) {
	watch := &watcher{}
	db := e.open(store.Options{Observer: watch})
	r := newRepository[session](e, "session", byText)
	ours := r.on(db, nil)
	s := inserted(r, session{ID: secret})
	_, err := ours.Get(e.ctx, secret+"x")
	_, modify := ours.Modify(e.ctx, secret+"x", func(*session) error { return nil })
	stale := s
	r.modify(secret, func(s *session) { s.User++ })
	for _, err := range []error{
		err, modify, ours.Insert(e.ctx, &session{ID: secret}), ours.Save(e.ctx, &stale),
		ours.DeleteKey(e.ctx, secret+"x"),
	} {
		require.Error(e, err)
		require.NotContains(e, err.Error(), secret)
		own, ok := errors.AsType[*store.Error](err)
		require.True(e, ok)
		require.Empty(e, own.Key)
	}
	for _, c := range watch.take() {
		require.NotContains(e, c.text, secret)
	}
	parts := newRepository[secretPart, partlySecret](e, "session", nil)
	_, err = parts.Get(e.ctx, partlySecret{1, secret})
	e.only(err, store.ErrNotFound)
	require.NotContains(e, err.Error(), secret)
}

// failing opens a handle on which the calls named op fail with a fault.
func (e *env) failing(op string, fault driver.Fault) *store.DB {
	return e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == op {
			return fmt.Errorf("a message of the server: %s: %w", secret, &intercept.Error{Fault: fault})
		}
		return next(ctx)
	})
}

func errorsReach(e *env) {
	r := newAccounts(e, 10)
	ours := r.on(e.failing(intercept.Get, driver.Fault{Class: driver.Unavailable, Code: "4711"}), nil)
	_, err := ours.Get(e.ctx, 1)
	e.only(err, store.ErrTransient)
	_, ok := errors.AsType[*intercept.Error](err)
	require.True(e, ok, "errors.AsType reaches the driver's error")
	require.Contains(e, err.Error(), "4711", "the server's number is in the text")
	require.NotContains(e, err.Error(), secret, "its message never is")
}

// errorsClasses has a backend report each class of fault: which sentinel the caller sees, with the constraint, and none
// where the class says nothing.
func errorsClasses(e *env) {
	r := newAccounts(e, 10)
	for class, want := range map[driver.Class]error{
		driver.Duplicate: store.ErrExists, driver.Conflict: store.ErrTransient, driver.LockFailure: store.ErrTransient,
		driver.Unavailable: store.ErrTransient, driver.Refused: store.ErrInvalid,
		driver.Unsupported: store.ErrUnsupported,
		driver.Closed:      store.ErrClosed, driver.Other: nil,
	} {
		ours := r.on(e.failing(intercept.Insert, driver.Fault{Class: class, Code: "4711", Constraint: "an_index"}), nil)
		fresh := account{ID: 7}
		err := ours.Insert(e.ctx, &fresh)
		require.Error(e, err)
		require.Equal(e, account{ID: 7}, fresh)
		require.NotContains(e, err.Error(), secret)
		own, ok := errors.AsType[*store.Error](err)
		require.True(e, ok)
		require.Equal(e, "an_index", own.Constraint)
		if want != nil {
			e.only(err, want)
			continue
		}
		require.Contains(e, err.Error(), "4711")
		for _, sentinel := range outcome.Sentinels {
			require.NotErrorIs(e, err, sentinel)
		}
	}
}

// errorsNil gives nil where an entity, a function, a context or a driver belongs, and one entity twice: all of it is
// refused before any I/O.
func errorsNil(e *env) {
	r := newAccounts(e, 10)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	_, modify := ours.Modify(e.ctx, 1, nil)
	_, upsert := ours.Upsert(e.ctx, 1, nil)
	var noContext context.Context
	_, without := ours.Get(noContext, 1)
	for name, err := range map[string]error{
		"Insert": ours.Insert(e.ctx, nil), "Save": ours.Save(e.ctx, nil), "Touch": ours.Touch(e.ctx, nil),
		"Reload":     ours.Reload(e.ctx, nil),
		"InsertMany": ours.InsertMany(e.ctx, []*account{nil}), "Modify": modify, "Upsert": upsert,
		"Get without a context": without,
	} {
		e.only(err, store.ErrInvalid, name)
	}
	same := &account{ID: 5}
	e.only(ours.InsertMany(e.ctx, []*account{same, same}), store.ErrInvalid, "the same entity twice")
	if e.info.Transactions {
		e.only(db.Atomic(e.ctx, nil, nil), store.ErrInvalid)
		e.only(ours.InsertMany(e.ctx, []*account{{ID: 5}, nil, {ID: 6}}), store.ErrInvalid)
	}
	if e.info.Views {
		e.only(db.View(e.ctx, nil, nil), store.ErrInvalid)
	}
	require.Empty(e, spy.take(), "refused before any I/O")
	r.gone(5)
	_, err := store.New(nil, nil)
	e.only(err, store.ErrInvalid)
}

// errorsClosed calls everything after Close. A second Close is no error, and other handles on the same database go on.
func errorsClosed(e *env) {
	r := newAccounts(e, 10)
	db := e.h.Open(e, store.Options{})
	late := &spy{}
	spied, err := store.New(intercept.New(db.Driver(), late.hook), nil)
	require.NoError(e, err)
	ours := r.on(spied, nil)
	require.NoError(e, spied.Close())
	require.NoError(e, spied.Close(), "a second Close")
	never := func(context.Context, *store.Tx) error { e.Error("the function ran"); return nil }
	a := r.get(1)
	refuseAll(e, e.ctx, ours, a, late, store.ErrClosed)
	e.only(spied.Atomic(e.ctx, nil, never), store.ErrClosed)
	e.only(spied.View(e.ctx, nil, never), store.ErrClosed)
	e.only(ours.EnsureSchema(e.ctx), store.ErrClosed)
	_, err = ours.CheckSchema(e.ctx)
	e.only(err, store.ErrClosed)
	require.Empty(e, late.take(), "calls on the backend after Close")
	require.Equal(e, e.info.Name, spied.Info().Name, "Info still answers")

	real := r.on(db, nil)
	require.NoError(e, db.Close())
	require.NoError(e, db.Close())
	_, err = real.Get(e.ctx, 1)
	e.only(err, store.ErrClosed)
	require.EqualValues(e, 10, r.get(1).Amount, "the other handles go on")
}

// errorsClosedInTx closes the handle inside of its own Atomic, which then cannot commit and leaves no lock.
func errorsClosedInTx(e *env) {
	r := newAccounts(e, 10)
	db := e.h.Open(e, store.Options{})
	ours := r.on(db, nil)
	err := db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := ours.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		assert.NoError(e, db.Close())
		_, err := ours.In(tx).Get(ctx, 1)
		e.only(err, store.ErrClosed)
		return err
	})
	require.ErrorIs(e, err, store.ErrClosed)
	require.EqualValues(e, 10, r.number(1, "amount"))
	free(e, r, 1)
}

// errorsMissingTable reads a table that nobody has made. Some servers make it at the first write, and
// read it as empty; the others say so. None may call it a conflict or an unknown outcome.
func errorsMissingTable(e *env) {
	r := over[account, int64](e, e.db, e.table("account"), nil)
	_, err := r.Get(e.ctx, 1)
	require.Error(e, err)
	for _, other := range []error{
		store.ErrConflict, store.ErrExists, store.ErrUnknownOutcome, store.ErrTransient, store.ErrTxDone,
	} {
		require.NotErrorIs(e, err, other)
	}
}
