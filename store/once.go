package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// ReceiptsTable is the table or collection in which [Once] keeps its receipts, unless
// OnceOptions.Receipts is another.
const ReceiptsTable = "once_receipts"

// ErrOtherRequest is returned by [Once] and [OnceValue] when the key was used before with another
// OnceOptions.Request. It wraps ErrInvalid. Nothing was done.
var ErrOtherRequest = invalidf("the key was used for another request")

// OnceReceipt says that the function of a [Once] has happened for a key. It is stored by the transaction
// of that function, and read by [Receipts].
type OnceReceipt struct {
	Snapshot `bson:",inline"`

	Key     string    `db:"id" bson:"_id" store:"key,size=255"`
	Run     string    `db:"run" bson:"run" store:"size=32"`         // names the run that was stored
	Request string    `db:"request" bson:"request" store:"size=64"` // a digest of OnceOptions.Request, empty without one
	Result  []byte    `db:"result" bson:"result" store:"size=max"`  // JSON, empty where the function has no result
	Created time.Time `db:"created" bson:"created" store:"created,index"`
}

// OnceOptions configure one [Once] or [OnceValue].
type OnceOptions struct {
	// Request is what the key stands for: the same key with another Request is ErrOtherRequest, and
	// not the answer of the first. A []byte and a string are taken as they are, anything else as its JSON. A
	// digest is stored. Where it is nil, here or in the first call, nothing is compared. Defaults to nil.
	Request any
	// Receipts is where the receipts are kept. It must be of the same DB. Defaults to [Receipts].
	Receipts *Repository[OnceReceipt, string]
	// Tx configures each transaction.
	Tx TxOptions
	// Timeout bounds the whole call: no further try begins after it. Defaults to 30 s.
	Timeout time.Duration
	// Attempts is the most tries: one follows another of unknown outcome. Defaults to as many as the
	// time allows.
	Attempts int
}

// Receipts returns the repository in which [Once] keeps its receipts: for EnsureSchema, CheckSchema and
// DDL, to look at them with Find, and to remove old ones with DeleteWhere. A key whose receipt was removed can
// happen again.
func Receipts(db *DB) (*Repository[OnceReceipt, string], error) {
	if db == nil {
		return nil, &Error{Op: "map", Entity: ReceiptsTable, Err: invalidf("the DB is nil")}
	}
	o := &db.once
	o.mu.Lock()
	defer o.mu.Unlock()
	if r, ok := o.receipts.(*Repository[OnceReceipt, string]); ok {
		return r, nil
	}
	r, err := NewRepository[OnceReceipt, string](db, ReceiptsTable, nil)
	if err == nil {
		o.receipts = r
	}
	return r, err
}

// Once is an [DB.Atomic] that happens exactly once for a key in this database, however often it is called
// with it, by any number of processes, and whatever answer is lost. first says that this call is the one
// whose writes are stored; a repeat does nothing, and returns nil as the first did. An error of fn stores
// nothing, so that the same key can be tried again.
//
// The key is a string of 1 to 255 characters that does not end in a space: the id of a request that a client
// made, the number of a match. A receipt under it is inserted first, in the transaction of fn, so a second call
// waits for the first, in this process without a connection. That a receipt exists is never taken from the
// error of that insert alone: it is read, and by a read that cannot be taken back; on MongoDB that asks the majority.
// A first call costs an Atomic and one request more, and OnceValue another; a repeat a transaction that inserts in
// vain, and that read.
//
// After a commit whose answer was lost it tries again with the same key, which tells whether the first try
// happened. An error that comes after such a try, and before its outcome is known, wraps ErrUnknownOutcome too.
// Entities from outside that fn was given by pointer are then as before the call, also when the try turns out to
// have happened; what fn gave to [Tx.OnCommit] in the run that is stored is called.
//
// fn must do nothing outside of tx. EnsureSchema of [Receipts], or its DDL, makes the table. A ctx of a Tx of
// this database is ErrInvalid, as for Atomic. A nil o means defaults.
func Once(
	ctx context.Context, db *DB, key string, o *OnceOptions, fn func(ctx context.Context, tx *Tx) error,
) (first bool, err error) {
	var do func(context.Context, *Tx) ([]byte, error)
	if fn != nil {
		do = func(ctx context.Context, tx *Tx) ([]byte, error) { return nil, fn(ctx, tx) }
	}
	_, first, err = once(ctx, db, key, o, do)
	return first, err
}

// OnceValue is [Once] with a result, which is stored with the receipt as its JSON. The first call and
// every repeat get the same value, decoded from that. A result that has no JSON form, or that cannot be
// decoded again, is ErrInvalid, and nothing was stored.
func OnceValue[R any](
	ctx context.Context, db *DB, key string, o *OnceOptions, fn func(ctx context.Context, tx *Tx) (R, error),
) (result R, first bool, err error) {
	var do func(context.Context, *Tx) ([]byte, error)
	if fn != nil {
		do = func(ctx context.Context, tx *Tx) ([]byte, error) {
			made, err := fn(ctx, tx)
			if err != nil {
				return nil, err
			}
			text, err := json.Marshal(&made)
			if err == nil {
				err = json.Unmarshal(text, new(R))
			}
			if err != nil {
				return nil, invalidf("the result has no JSON form: %v", err)
			}
			return text, nil
		}
	}
	text, first, err := once(ctx, db, key, o, do)
	if err != nil {
		return result, false, err
	}
	if err := json.Unmarshal(text, &result); err != nil {
		var none R
		err = invalidf("the result that is stored for the key is no %T: %v", none, err)
		return none, false, &Error{Op: "once", Entity: ReceiptsTable, Key: key, Err: err}
	}
	return result, first, nil
}

// oncer is one call of Once.
type oncer struct {
	db       *DB
	receipts *Repository[OnceReceipt, string]
	key      string
	request  string
	options  OnceOptions
	fn       func(ctx context.Context, tx *Tx) ([]byte, error)

	unknown error               // of a run whose commit was not answered, nil while there is none
	hooks   map[string][]func() // of those runs, by their ids
}

// once is Once and OnceValue. The text is the result as it is stored.
func once(
	ctx context.Context, db *DB, key string, options *OnceOptions, fn func(context.Context, *Tx) ([]byte, error),
) (text []byte, first bool, err error) {
	fail := func(err error) ([]byte, bool, error) {
		return nil, false, &Error{Op: "once", Entity: ReceiptsTable, Key: key, Err: err}
	}
	switch {
	case ctx == nil:
		return fail(invalidf("the context is nil"))
	case db == nil:
		return fail(invalidf("the DB is nil"))
	case fn == nil:
		return fail(invalidf("the function is nil"))
	case key == "" || strings.HasSuffix(key, " "):
		return fail(invalidf("the key is empty or ends in a space, " +
			"which not every database tells from the key without it"))
	}
	o := oncer{db: db, key: key, fn: fn}
	if options != nil {
		o.options = *options
	}
	if o.options.Timeout < 0 {
		return fail(negative("OnceOptions.Timeout", o.options.Timeout))
	}
	if o.options.Attempts < 0 {
		return fail(negative("OnceOptions.Attempts", o.options.Attempts))
	}
	o.options.Timeout = orDefault(o.options.Timeout, 30*time.Second)
	if o.request, err = requestDigest(o.options.Request); err != nil {
		return fail(invalidf("OnceOptions.Request has no JSON form: %v", err))
	}
	if o.receipts = o.options.Receipts; o.receipts == nil {
		if o.receipts, err = Receipts(db); err != nil {
			return nil, false, err
		}
	}
	if o.receipts.repo.db != db || o.receipts.tx != nil {
		return fail(invalidf("OnceOptions.Receipts is of another database, or bound to a transaction"))
	}
	if txOf(ctx, db) != nil {
		return fail(invalidf("the context belongs to a transaction of this database: a Once is one of its own"))
	}
	leave, err := db.once.enter(ctx, onceKey{o.receipts.repo.table, key})
	if err != nil {
		return fail(err)
	}
	defer leave()
	return o.run(ctx)
}

// requestDigest is what a receipt says of a request.
func requestDigest(request any) (string, error) {
	var text []byte
	switch r := request.(type) {
	case nil:
		return "", nil
	case []byte:
		text = r
	case string:
		text = []byte(r)
	default:
		var err error
		if text, err = json.Marshal(r); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// run tries until a try is known to have happened, or to have failed for good.
func (o *oncer) run(ctx context.Context) (text []byte, first bool, err error) {
	last := time.Now().Add(o.options.Timeout)
	for n := 1; ; n++ {
		t := o.try(ctx)
		switch {
		case t.err == nil:
			return t.text, true, nil
		case t.isTaken:
			receipt, err := o.confirmed(ctx)
			if err == nil {
				return o.answer(receipt)
			}
			if !errors.Is(err, ErrNotFound) {
				return nil, false, o.withUnknown(err)
			}
			// What was in the way is gone again: its transaction was rolled back.
			t.err = explain(ErrTransient, "another call's receipt was not kept")
			t.err = o.receipts.call("once", o.key, true).fail(t.err)
		case MayHaveHappened(t.err):
			o.unknown = t.err
			if o.hooks == nil {
				o.hooks = make(map[string][]func())
			}
			o.hooks[t.run] = t.hooks
		case o.unknown != nil && errors.Is(t.err, ErrTransient):
			// Nothing of this try happened. The earlier one is still to be found out.
		default:
			return nil, false, o.withUnknown(t.err)
		}
		pause := min(longestPause, firstPause<<min(n, 10))
		if n == o.options.Attempts || time.Now().Add(pause).After(last) {
			return nil, false, o.withUnknown(t.err)
		}
		if err := wait(ctx, pause); err != nil {
			return nil, false, o.withUnknown(both(err, t.err))
		}
	}
}

// withUnknown joins an error with that of an earlier try of which nothing is known. Without it a caller would
// take an error of the second try for the outcome of the call.
func (o *oncer) withUnknown(err error) error {
	if o.unknown == nil || MayHaveHappened(err) {
		return err
	}
	if e, ok := err.(*Error); ok {
		said := *e // which an observer may hold
		said.Err = both(e.Err, o.unknown)
		return &said
	}
	return both(err, o.unknown)
}

// onceTry is what became of one transaction of a Once.
type onceTry struct {
	run     string
	text    []byte
	err     error
	isTaken bool     // the receipt's key was stored already, or seemed to be
	hooks   []func() // of OnCommit, where the outcome is unknown
}

// try runs the function in a transaction whose first write is the receipt. Each try has an id of its own, by which
// a receipt that is read later tells whose it is. The runs of one try share it: one of them is made only
// when it is known that the one before has left nothing.
func (o *oncer) try(ctx context.Context) onceTry {
	var id [16]byte
	_, _ = rand.Read(id[:]) // which never fails
	t := onceTry{run: hex.EncodeToString(id[:])}
	rs := &runs{call: call{db: o.db, op: "once", repo: o.receipts.repo, key: o.key, mayWrite: true}}
	t.err = transact(ctx, rs, &o.options.Tx, func(ctx context.Context, tx *Tx) error {
		receipts := o.receipts.In(tx)
		receipt := OnceReceipt{Key: o.key, Run: t.run, Request: o.request}
		err := receipts.Insert(ctx, &receipt)
		if t.isTaken = errors.Is(err, ErrExists); err != nil {
			return err
		}
		if o.db.info.LockingReads {
			// A server that holds locks takes the key only when no earlier try is, or will be, stored.
			o.unknown = nil
		}
		if t.text, err = o.fn(ctx, tx); err != nil || t.text == nil {
			return err
		}
		receipt.Result = t.text
		return receipts.Save(ctx, &receipt)
	})
	if t.err != nil && rs.newest != nil {
		t.hooks = rs.newest.onCommit
	}
	return t
}

// confirmed reads the receipt by a read that cannot be taken back.
func (o *oncer) confirmed(ctx context.Context) (OnceReceipt, error) {
	c := o.receipts.call("once", o.key, false)
	var receipt OnceReceipt
	ctx, err := c.start(ctx)
	if err != nil {
		return receipt, err
	}
	defer c.endUnreturned(ctx)
	return receipt, c.end(ctx, readRow(ctx, c, rowRead{into: driver.RecordOf(&receipt), isConfirmed: true}))
}

// answer is the result of a call whose key has a receipt.
func (o *oncer) answer(receipt OnceReceipt) (text []byte, first bool, err error) {
	if o.request != "" && receipt.Request != "" && o.request != receipt.Request {
		return nil, false, &Error{Op: "once", Entity: o.receipts.repo.table, Key: o.key, Err: ErrOtherRequest}
	}
	hooks, first := o.hooks[receipt.Run]
	for _, hook := range hooks {
		hook()
	}
	return receipt.Result, first, nil
}
