package store

import (
	"context"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// rowRead says into what the row of a call's key is read, and how.
type rowRead struct {
	into driver.Record
	// base, unless it is the zero Record, receives a second copy. Modify compares with it what its
	// function has made of the first.
	base driver.Record
	// isCurrent asks, in Atomic, for the newest committed state.
	isCurrent bool
	// isConfirmed asks, outside a Tx, for a state that cannot be taken back (driver.GetParams.Confirmed).
	isConfirmed bool
	// found is called when the row was read, while the Tx is still locked. It may be nil.
	found func()
}

// readRow reads the row of the call's key, for Get, Reload, Modify and Upsert. A missing one is
// ErrNotFound.
func readRow(ctx context.Context, c *call, p rowRead) error {
	if err := c.repo.mapping.CheckKey(c.key); err != nil {
		return invalid(err)
	}
	at, err := c.enter(ctx)
	if err != nil {
		return err
	}
	defer c.abandon()
	p.isCurrent = p.isCurrent && c.tx != nil && !c.tx.isView
	found, err := requestRow(ctx, c, p, at)
	if err == nil && needsLookOutside(c, p, found) {
		var hasChanged bool
		if hasChanged, err = hasChangedOutside(ctx, c, p.into, found); hasChanged {
			err := c.errorOf(explain(ErrTransient, "the entity has changed since the transaction's snapshot"))
			c.leaveToRerun(err)
			return err
		}
	}
	if err == nil && found && p.found != nil {
		p.found()
	}
	if err := c.leave(ctx, err); err != nil {
		return err
	}
	if !found {
		return ErrNotFound
	}
	return nil
}

// requestRow is the request of readRow. A row whose key is not the one that was asked for counts as
// missing: a server under a collation that folds case takes two keys for one.
func requestRow(ctx context.Context, c *call, p rowRead, at time.Time) (found bool, err error) {
	m := c.repo.mapping
	result, err := c.repo.collection.Get(ctx, &driver.GetParams{
		Tx: c.driverTx(), Key: c.key, Into: p.into, Base: p.base, Lock: p.isCurrent,
		Confirmed: p.isConfirmed && c.tx == nil,
	})
	if err != nil || !result.Found || !m.HasKey(p.into, c.key) {
		return false, err
	}
	m.StampReadAt(p.into, at)
	c.rows = 1
	c.saw(c.key, m.Version(p.into))
	return true, nil
}

// needsLookOutside reports whether a current read must be compared with the state outside the Tx,
// because the Tx reads from one snapshot and can only show the state of that moment.
//
// A row that Modify has found needs no look: Modify writes it on the version that it read, and when
// others have changed the row since the snapshot, the write fails as a write conflict. Reload writes
// nothing, and where nothing was found there is no version to write on.
func needsLookOutside(c *call, p rowRead, found bool) bool {
	isOfModify := !p.base.IsZero()
	return p.isCurrent && c.db.info.SnapshotTx && !(isOfModify && found)
}

// hasChangedOutside reports whether others have changed the entity since the Tx's snapshot. An entity
// that this Tx has written nobody else can change before it ends.
func hasChangedOutside(ctx context.Context, c *call, record driver.Record, found bool) (bool, error) {
	if c.tx.entities[c.repo.entityKey(c.key)].isWritten {
		return false, nil
	}
	outside, err := c.repo.collection.Version(ctx, &driver.VersionParams{Key: c.key})
	if err != nil {
		return false, err
	}
	return outside.Found != found || found && outside.Version != c.repo.mapping.Version(record), nil
}
