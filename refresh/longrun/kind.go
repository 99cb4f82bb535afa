package longrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

// Kind is a kind of operation with the function that does it: S is its state, which is stored as JSON. It is safe for
// concurrent use.
type Kind[S any] struct {
	*Operations
	name    string
	fn      func(ctx context.Context, step *Step[S]) error
	options Options
	tx      *store.Tx
}

// New makes a Kind. It does no I/O; a process that only starts operations, or looks at them, needs no Work.
//
// name is 1 to 60 characters, and the same in every process and version. fn does an operation: from the beginning, or
// from its last checkpoint, which is step.State. It may be called again at any time after a checkpoint, by another
// process, so that what it does outside step.Atomic must be safe to do again. What it returns ends the attempt: nil and
// the operation is done; [Later] and it goes on later; [Never] and it has failed; any other error and it is tried
// again. When its ctx ends it returns soon, with any error: context.Cause says why. A panic is an error.
func New[S any](
	db *store.DB, name string, fn func(ctx context.Context, step *Step[S]) error, o *Options,
) (*Kind[S], error) {
	options, err := o.withDefaults()
	switch {
	case err != nil:
	case db == nil:
		err = invalidf("the DB is nil")
	case fn == nil:
		err = invalidf("the function is nil")
	case name == "" || utf8.RuneCountInString(name) > 60 || strings.HasSuffix(name, " "):
		err = invalidf("the name of a kind is 1 to 60 characters that do not end in a space")
	}
	if err != nil {
		return nil, fmt.Errorf("longrun: new %s: %w", cut(name, 64), err)
	}
	operations, err := Open(db)
	if err != nil {
		return nil, fmt.Errorf("longrun: new %s: %w", name, err)
	}
	return &Kind[S]{Operations: operations, name: name, fn: fn, options: options}, nil
}

// StartOptions configure one Start.
type StartOptions struct {
	// Due has the operation wait until then. Defaults to now.
	Due time.Time
	// By is who starts it.
	By By
}

// In returns the Kind bound to a transaction, in which Start then is: the operation is there if and only if it commits.
func (k *Kind[S]) In(tx *store.Tx) *Kind[S] {
	bound := *k
	bound.tx = tx
	return &bound
}

// Start stores an operation with its first state, and returns: a worker of any process will do it. id is 1 to 120
// characters that name it within its kind. One that is there already, finished or not, is store.ErrExists, so that what
// is started twice is done once. A nil o means defaults.
func (k *Kind[S]) Start(ctx context.Context, id string, state S, o *StartOptions) error {
	if o == nil {
		o = &StartOptions{}
	}
	text, err := json.Marshal(state)
	if err != nil {
		return wrap("start", k.name, id, invalidf("the state has no JSON: %v", err))
	}
	now := now()
	row := operation{
		Name: name{k.name, id}, Phase: Waiting, Due: now, Code: k.options.Version, State: string(text),
		Since: now, Asked: now, Moved: now, Trace: cut(k.options.Observer.Started(ctx, k.name, id), 200),
	}
	if !o.Due.IsZero() {
		row.Due = o.Due
	}
	row.ask(o.By, now)
	rows := k.rows
	if k.tx != nil {
		rows = rows.In(k.tx)
	}
	_, err = rows.Upsert(ctx, row.Name, func(there *operation, found bool) error {
		switch {
		case found && there.Phase != Deleted:
			return store.ErrExists
		case found: // another life: what the first has done under its token stays before what this one does
			row.Token, row.Created, row.Snapshot = there.Token, now, there.Snapshot
		}
		row.Created = there.Created
		if row.Created.IsZero() {
			row.Created = now
		}
		snapshot := there.Snapshot
		*there = row
		there.Snapshot = snapshot
		return nil
	})
	return wrap("start", k.name, id, err)
}

// Status reads an operation, and its last checkpoint into a state. One that is not there is store.ErrNotFound; a state
// that does not fit S is store.ErrInvalid, and comes with the Status.
func (k *Kind[S]) Status(ctx context.Context, id string) (Status, S, error) {
	var state S
	s, err := k.Operations.Status(ctx, k.name, id)
	if err != nil {
		return s, state, err
	}
	if err := json.Unmarshal([]byte(s.State), &state); err != nil {
		return s, state, wrap("status", k.name, id, invalidf("the stored state does not fit %T", state))
	}
	return s, state, nil
}

// Wait waits until an operation has finished, and returns it: look at its Phase. A nil o means the defaults of package
// refresh, which bound it by 30 s unless ctx has a deadline.
func (k *Kind[S]) Wait(ctx context.Context, id string, o *refresh.Options) (Status, error) {
	row, err := refresh.Wait(ctx, k.rows, name{k.name, id}, func(row operation) (bool, error) {
		if row.Phase == Deleted {
			return false, store.ErrNotFound
		}
		return row.Phase.IsFinished(), nil
	}, o)
	if err != nil {
		return Status{}, wrap("wait", k.name, id, err)
	}
	return row.status(), nil
}

// Pause is [Operations.Pause] for an operation of this kind.
func (k *Kind[S]) Pause(ctx context.Context, id string, by By) error {
	return k.Operations.Pause(ctx, k.name, id, by)
}

// Resume is [Operations.Resume] for an operation of this kind.
func (k *Kind[S]) Resume(ctx context.Context, id string, by By) error {
	return k.Operations.Resume(ctx, k.name, id, by)
}

// Cancel is [Operations.Cancel] for an operation of this kind.
func (k *Kind[S]) Cancel(ctx context.Context, id string, by By) error {
	return k.Operations.Cancel(ctx, k.name, id, by)
}

// Retry is [Operations.Retry] for an operation of this kind.
func (k *Kind[S]) Retry(ctx context.Context, id string, by By) error {
	return k.Operations.Retry(ctx, k.name, id, by)
}

// Force is [Operations.Force] for an operation of this kind.
func (k *Kind[S]) Force(ctx context.Context, id string, by By) error {
	return k.Operations.Force(ctx, k.name, id, by)
}

// Delete is [Operations.Delete] for an operation of this kind.
func (k *Kind[S]) Delete(ctx context.Context, id string, by By) error {
	return k.Operations.Delete(ctx, k.name, id, by)
}

// Every starts an operation at each multiple of a time since midnight UTC of 1 January 1970, until ctx ends: at that of
// an hour, on the hour. The id is the slot in RFC 3339, so that any number of processes may call it and each slot is
// started once. Slots that have passed while nobody called it are not made up for. state makes the first state of a
// slot. Errors of the database are tried again within the slot.
func (k *Kind[S]) Every(ctx context.Context, every time.Duration, state func(slot time.Time) S) error {
	if every < time.Second || state == nil {
		return fmt.Errorf("longrun: every of %s: %w", k.name, invalidf("it needs at least a second, and a function"))
	}
	for {
		slot := now().Truncate(every).Add(every)
		if !sleep(ctx, time.Until(slot)) {
			return ctx.Err()
		}
		for {
			err := k.Start(ctx, slot.Format(time.RFC3339), state(slot), nil)
			if err == nil || errors.Is(err, store.ErrExists) {
				break
			}
			k.options.Logger.Warn("a slot could not be started", "kind", k.name, "slot", slot, "error", err)
			if !sleep(ctx, every/20) || now().After(slot.Add(every)) {
				break
			}
		}
	}
}

// sleep reports whether the time has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
