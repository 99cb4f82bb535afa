package store

import "context"

// Atomic runs fn in a transaction, which commits if and only if fn returned nil and no operation
// in it failed.
//
// Repositories work in it through [Repository.In], with the ctx that fn is given. ErrNotFound,
// ErrConflict and an ErrInvalid that was found before anything was sent are answers, after which
// the Tx goes on. Every other error dooms it: later calls return ErrTxDone, and Atomic returns
// that first error even when fn returned nil.
//
// fn runs again, from its start and in a new transaction, after a deadlock, a write conflict, a
// transient failure, a request that the end of its run (TxOptions.RunTimeout) cut short, or a
// conflict on an entity that this Tx itself had read. So it must not change anything outside but
// through the Tx and [Tx.OnCommit]. Entities that were handed to a call by pointer get back the
// key, version and times that they had before, and after Reload their whole value, before each new
// run and whenever Atomic does not return nil. The runs are bounded by TxOptions.
//
// When fn returns an error, panics or calls runtime.Goexit, the transaction is rolled back and
// nothing happened; the error is returned as it is. When the answer to the commit does not arrive,
// the error is ErrUnknownOutcome and fn is not run again.
//
// An entity that was only read may change before the commit. A decision that rests on it must
// write it too, with Modify or Touch. Several reads are of several moments, except on a backend
// whose Info says SnapshotTx; use [DB.View] for sums.
//
// A ctx that already belongs to a Tx of this database is ErrInvalid: transactions do not nest. A
// backend without transactions answers ErrUnsupported before any I/O. A nil o means defaults.
func (db *DB) Atomic(ctx context.Context, o *TxOptions, fn func(ctx context.Context, tx *Tx) error) error {
	return transact(ctx, &runs{call: call{db: db, op: "atomic", mayWrite: true}}, o, fn)
}
