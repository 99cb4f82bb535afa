package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// What a call does about the outcome of a write on a version is decided by one table, for Save,
// Touch and Delete, which write a copy of the caller's, and for Modify and Upsert, which have read
// the entity themselves.

// basis says whose copy a write is based on, and so who can look again when it was out of date.
type basis uint8

const (
	callersCopy  basis = iota // Save, Touch, Delete: the caller has seen it and must decide anew
	ownCopy                   // Modify: it reads again and has its function decide anew
	ownCopyOrNew              // Upsert: likewise, and what is missing it inserts
)

// outcome is what became of a write that was not applied.
type outcome uint8

const (
	rowMissing   outcome = iota // there is no such row
	rowChanged                  // the row has another version
	rowUnchanged                // the write met another version, which was rolled back before the look after it
	writeFailed                 // the backend returned an error
)

// reaction is what a call does about an outcome, besides returning its error.
type reaction struct {
	// note has the Tx remember the conflict: where the copy was read in this very Tx and its
	// function returns the conflict, Atomic runs the function again.
	note bool
	// rerun dooms the Tx, and Atomic runs its function again.
	rerun bool
	// again makes the same call try again. In a Tx that rerun has doomed, the call returns instead, and
	// Atomic runs its function again.
	again bool
}

var reactions = [...][3]reaction{
	//           callersCopy, ownCopy, ownCopyOrNew
	// Modify has just read a row that is now missing. Outside a Tx that is ErrNotFound, as if it had come later; in
	// a Tx its function may have decided on the row, and must see that it is gone. Upsert inserts it.
	rowMissing:   {{}, {rerun: true}, {rerun: true, again: true}},
	rowChanged:   {{note: true}, {rerun: true, again: true}, {rerun: true, again: true}},
	rowUnchanged: {{note: true, again: true}, {rerun: true, again: true}, {rerun: true, again: true}},
	writeFailed:  {{}, {again: true}, {again: true}}, // again where the error is Retryable
}

// conclude ends the request of an Update or Delete that expected a version, and gives its result the
// meaning that it has for the caller. An *again says that the write was not applied and may be tried
// again.
func (b basis) conclude(ctx context.Context, c *call, expect int64, result driver.WriteResult, err error) error {
	if err != nil {
		if result.Outcome == driver.NotApplied {
			err = &notApplied{err}
		}
		err = c.leave(ctx, err)
		if reactions[writeFailed][b].again {
			return againOutsideTx(ctx, c, err)
		}
		return err
	}
	out := rowMissing
	switch result.Outcome {
	case driver.Applied:
		c.wrote(c.key, result.Stored)
		return c.leave(ctx, nil)
	case driver.Missing:
		err = ErrNotFound
	default:
		err = c.errorOf(&ConflictError{Expected: expect, Actual: result.Stored})
		out = rowChanged
		if result.Stored == expect {
			out = rowUnchanged
		}
	}
	do := reactions[out][b]
	if c.tx != nil && do.note {
		c.tx.noteConflict(c.repo.entityKey(c.key), expect, err)
	}
	if c.tx != nil && do.rerun {
		c.leaveToRerun(err)
	} else {
		_ = c.leave(ctx, nil)
	}
	if out != rowMissing {
		c.tellConflict(ctx, err)
	}
	if do.again {
		return &again{err: err}
	}
	return err
}

// againOutsideTx marks an error after which another attempt of the same call may succeed. In a Tx it
// does not: the error has doomed the Tx, and Atomic runs the whole function again.
func againOutsideTx(ctx context.Context, c *call, err error) error {
	if c.tx != nil || !Retryable(err) {
		return err
	}
	c.tellContention(ctx, err)
	return &again{err: err}
}
