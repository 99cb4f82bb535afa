package store

import "context"

// View runs fn in a read-only transaction, whose reads are all of one moment: that of the first.
// A write in it is ErrInvalid before any I/O. Like that of Atomic, fn may run more than once. Keep
// it short: a server must keep old rows for as long as it runs.
//
// A backend without such transactions answers ErrUnsupported before any I/O. A nil o means
// defaults.
func (db *DB) View(ctx context.Context, o *TxOptions, fn func(ctx context.Context, tx *Tx) error) error {
	return transact(ctx, &runs{call: call{db: db, op: "view"}}, o, fn)
}
