package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// classified is a backend whose errors all mean the same.
type classified struct {
	stub
	fault driver.Fault
}

func (c classified) Classify(error) driver.Fault { return c.fault }

// told notes which conflicts an observer was told of.
type told struct{ conflicts int }

func (*told) CallStart(ctx context.Context, _ Call) context.Context { return ctx }
func (*told) CallEnd(context.Context, Call, error)                  {}
func (t *told) Conflict(context.Context, Call, error)               { t.conflicts++ }
func (*told) Retry(context.Context, Call, int, error)               {}

// Each row is one outcome of a write that expected version 3, and what each kind of writer makes of it:
// "answer" is the error as it is, "unknown" that of a lost answer, "again" one more attempt of the same
// call, "rerun" a doomed Tx whose function Atomic runs again, "doomed" a doomed Tx that ends, and
// "noted" an answer after which Atomic runs the function again if that gives up because of it.
func TestConclude(t *testing.T) {
	t.Parallel()
	stored := func(o driver.Outcome, version int64) driver.WriteResult {
		return driver.WriteResult{Outcome: o, Stored: version}
	}
	for _, tt := range []struct {
		name    string
		result  driver.WriteResult
		fault   driver.Fault // of the error, where there is one
		want    error
		alone   [3]string // callersCopy, ownCopy, ownCopyOrNew, outside a Tx
		inTx    [3]string
		tellsTx bool // the observer is told of a conflict also in a Tx
	}{
		{
			"Applied", stored(driver.Applied, 4),
			driver.Fault{},
			nil,
			[3]string{"done", "done", "done"},
			[3]string{"done", "done", "done"},
			false,
		},
		{
			"Missing", stored(driver.Missing, 0),
			driver.Fault{},
			ErrNotFound,
			[3]string{"answer", "answer", "again"},
			[3]string{"answer", "rerun", "rerun"},
			false,
		},
		{
			"OtherVersion", stored(driver.Stale, 5),
			driver.Fault{},
			ErrConflict,
			[3]string{"answer", "again", "again"},
			[3]string{"noted", "rerun", "rerun"},
			true,
		},
		{
			"ExpectedVersionAfterAll", stored(driver.Stale, 3),
			driver.Fault{},
			ErrConflict,
			[3]string{"again", "again", "again"},
			[3]string{"noted again", "rerun", "rerun"},
			true,
		},
		{
			"WriteConflict", stored(0, 0),
			driver.Fault{Class: driver.Conflict},
			ErrTransient,
			[3]string{"answer", "again", "again"},
			[3]string{"rerun", "rerun", "rerun"},
			false,
		},
		{
			"EndedByAnother", stored(0, 0),
			driver.Fault{Class: driver.Canceled},
			ErrTransient,
			[3]string{"answer", "again", "again"},
			[3]string{"rerun", "rerun", "rerun"},
			false,
		},
		{
			"Refused", stored(0, 0),
			driver.Fault{Class: driver.Refused},
			ErrInvalid,
			[3]string{"answer", "answer", "answer"},
			[3]string{"doomed", "doomed", "doomed"},
			false,
		},
		{
			"AnswerLost", stored(0, 0),
			driver.Fault{Class: driver.Unavailable, Sent: true},
			nil,
			[3]string{"unknown", "unknown", "unknown"},
			[3]string{"rerun", "rerun", "rerun"},
			false,
		},
		{
			"NotApplied", stored(driver.NotApplied, 0),
			driver.Fault{Sent: true},
			ErrTransient,
			[3]string{"answer", "again", "again"},
			[3]string{"doomed", "doomed", "doomed"},
			false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for b := callersCopy; b <= ownCopyOrNew; b++ {
				alone := concluded(t, b, false, tt.result, tt.fault, tt.want)
				assert.Equal(t, tt.alone[b], alone.reaction, "basis %d", b)
				inTx := concluded(t, b, true, tt.result, tt.fault, tt.want)
				assert.Equal(t, tt.inTx[b], inTx.reaction, "basis %d in a Tx", b)
				assert.Equal(t, tt.tellsTx, inTx.conflictsTold == 1)
			}
		})
	}
}

// conclusion is what came of one write.
type conclusion struct {
	reaction      string
	conflictsTold int
}

// concluded lets a call conclude a write that expected version 3, where its Tx has seen that version.
func concluded(
	t *testing.T, b basis, isInTx bool, result driver.WriteResult, fault driver.Fault, want error,
) conclusion {
	t.Helper()
	var observer told
	r := stubRepo(t)
	r.db.driver, r.db.options.Observer = classified{fault: fault}, &observer
	c := &call{db: r.db, repo: r, op: "test", key: stubKey{"2015", 3}}
	if isInTx {
		c.tx = &Tx{db: r.db, deadline: time.Now().Add(time.Hour)}
		c.tx.note(r.entityKey(c.key), 3, false)
	}
	_, err := c.enterWrite(t.Context())
	require.NoError(t, err)
	if fault != (driver.Fault{}) {
		err = errors.New("broken")
	}
	err = b.conclude(t.Context(), c, 3, result, err)
	if isInTx {
		require.True(t, c.tx.mu.TryLock(), "the Tx is left locked")
	}
	seen := conclusion{reactionSeen(c, err), observer.conflicts}
	if a, ok := err.(*again); ok {
		err = a.err
	}
	if want != nil {
		require.ErrorIs(t, err, want)
	}
	return seen
}

// reactionSeen is what a call and its Tx show of a reaction.
func reactionSeen(c *call, err error) string {
	a, isAgain := err.(*again)
	if isAgain {
		err = a.err
	}
	tx := c.tx
	switch {
	case tx != nil && tx.doomedBy != nil && tx.canRerun:
		return "rerun"
	case tx != nil && tx.doomedBy != nil:
		return "doomed"
	case tx != nil && len(tx.conflicts) > 0 && isAgain:
		return "noted again"
	case tx != nil && len(tx.conflicts) > 0:
		return "noted"
	case isAgain:
		return "again"
	case MayHaveHappened(err):
		return "unknown"
	case err != nil:
		return "answer"
	}
	return "done"
}
