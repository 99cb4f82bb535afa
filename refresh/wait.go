package refresh

import (
	"context"
	"errors"
	"fmt"

	"github.com/stillframe/stillframe/store"
)

// Wait reads the entity with the key until the function says that it is as it should be, and returns that copy. The
// function gets a copy of each version that is seen, the present one first, and an error of it ends the Wait as it is.
// It runs on the caller's goroutine.
//
// A state that has passed between two reads is not seen: wait for what stays. A missing entity is ErrNotFound, unless
// Options.AwaitInsert says otherwise. A server that is away ends no Wait. The end of ctx does, or of Options.Timeout
// where ctx has no deadline: the [Error] says what was read last. A repository that is bound to a Tx is ErrInvalid, as
// is the ctx of one: a Wait would hold its locks. A nil o means defaults.
func Wait[T any, K comparable](
	ctx context.Context, r Source[T, K], key K, done func(T) (bool, error), o *Options,
) (T, error) {
	var none T
	c, err := begin(ctx, "wait", r, &key, o)
	switch {
	case err != nil:
		return none, err
	case done == nil:
		return none, c.fail(fmt.Errorf("%w: the function is nil", store.ErrInvalid))
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	c.join()
	defer c.leave()
	for {
		entity, err := c.next(ctx)
		switch {
		case errors.Is(err, errGone) && c.options.AwaitInsert:
			continue
		case err != nil:
			return none, c.fail(err)
		}
		if isDone, err := done(entity); err != nil {
			return none, err
		} else if isDone {
			return entity, nil
		}
	}
}

// Gone waits until there is no entity with the key: it returns nil when a read that cannot be taken back has shown
// that. It ends otherwise as Wait does.
func Gone[T any, K comparable](ctx context.Context, r Source[T, K], key K, o *Options) error {
	c, err := begin(ctx, "gone", r, &key, o)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	c.join()
	defer c.leave()
	for {
		switch _, err := c.next(ctx); {
		case errors.Is(err, errGone):
			return nil
		case err != nil:
			return c.fail(err)
		}
	}
}

// Wake has whoever waits for the entities read them now: those with the keys, or all of the table where none is given.
// It is for a program that is told of writes by other means, a message from another process, say. It does no I/O, and
// it is no harm where nothing was written, or nobody waits.
func Wake[T any, K comparable](r Source[T, K], keys ...K) {
	base := r.Base()
	all := make([]any, len(keys))
	for i, key := range keys {
		all[i] = key
	}
	for _, h := range hubsOf(base.DB(), base.Table()) {
		h.wakeAny(all)
	}
}

// hubsOf returns the hubs of a table. Its entities may be watched by several types.
func hubsOf(db *store.DB, table string) (found []woken) {
	hubs.Lock()
	defer hubs.Unlock()
	for id, h := range hubs.all {
		if id.db == db && id.table == table {
			found = append(found, h.(woken))
		}
	}
	return found
}

// call is one Wait, Gone, Watch or Follow.
type call[T any, K comparable] struct {
	waiter
	op   string
	repo *store.Repository[T, K]
	key  *K // nil for Follow
	hub  *hub[T, K]

	// What it has seen last.
	isSeen  bool // an entity or its absence
	isGone  bool
	version int64
	round   int64
	ownErr  error // of a read of its own that failed
}

// errGone says that the entity is missing, as a confirmed read has shown.
var errGone = store.ErrNotFound

// begin checks what needs no I/O.
func begin[T any, K comparable](
	ctx context.Context, op string, r Source[T, K], key *K, o *Options,
) (*call[T, K], error) {
	c := &call[T, K]{op: op, key: key}
	if r == nil || r.Base() == nil {
		return nil, c.fail(fmt.Errorf("%w: the repository is nil", store.ErrInvalid))
	}
	c.repo = r.Base()
	var err error
	if c.options, err = o.withDefaults(); err != nil {
		return nil, c.fail(err)
	}
	if c.repo.Tx() != nil {
		return nil, c.fail(fmt.Errorf("%w: the repository is bound to a transaction, which would hold its locks "+
			"for as long as this waits", store.ErrInvalid))
	}
	if _, err := c.repo.Versions(ctx, nil); err != nil {
		if e, ok := errors.AsType[*store.Error](err); ok {
			err = e.Err
		}
		return nil, c.fail(err) // the ctx is nil, has ended or is that of a Tx, or the DB is closed
	}
	c.signal = make(chan struct{}, 1)
	return c, nil
}

func (c *call[T, K]) join() {
	c.isWait = c.op == "wait" || c.op == "gone"
	c.hub = join(c.repo, &c.waiter, c.key)
}

func (c *call[T, K]) leave() { c.hub.leave(&c.waiter, c.key) }

// bounded gives ctx the Timeout of a Wait where it has no deadline of its own.
func (c *call[T, K]) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, c.options.Timeout,
		fmt.Errorf("%w: Options.Timeout of %v is over", context.DeadlineExceeded, c.options.Timeout))
}

// next waits for a version that the call has not seen, and returns a copy of it, or errGone when the entity is missing
// and was not when it was seen last.
func (c *call[T, K]) next(ctx context.Context) (T, error) {
	var none T
	for {
		select {
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-c.signal:
		}
		s, _ := c.hub.last(*c.key)
		if s.round <= max(c.joined, c.round) {
			continue
		}
		c.round = s.round
		entity, err := c.copy(ctx, s)
		switch {
		case errors.Is(err, errGone):
			if c.isSeen && c.isGone {
				continue
			}
			c.isSeen, c.isGone = true, true
			return none, err
		case err != nil && isAway(err) && ctx.Err() == nil:
			c.ownErr = err
			c.hub.wake([]K{*c.key}, false)
			continue
		case err != nil:
			return none, err
		}
		version := c.repo.VersionOf(entity)
		if c.isSeen && !c.isGone && version == c.version {
			continue
		}
		c.isSeen, c.isGone, c.version, c.ownErr = true, false, version, nil
		return entity, nil
	}
}

// copy returns a copy of the call's own of what was read, or reads for itself where that is needed.
func (c *call[T, K]) copy(ctx context.Context, s state[T]) (T, error) {
	var none T
	switch {
	case s.isOwn:
		entity, err := c.repo.Get(ctx, *c.key)
		if errors.Is(err, store.ErrNotFound) || err == nil && c.isSeen && c.repo.VersionOf(entity) < c.version {
			return c.repo.GetConfirmed(ctx, *c.key)
		}
		return entity, err
	case s.entity == nil:
		return none, errGone
	}
	entity, err := c.repo.Copy(*s.entity)
	if err != nil { // what can be read, and not be written
		s.isOwn = true
		return c.copy(ctx, s)
	}
	return entity, nil
}

// fail returns err as an Error that says what the call knew.
func (c *call[T, K]) fail(err error) error {
	e := &Error{Op: c.op, Name: c.options.Name, Version: c.version, Gone: c.isGone, Err: err, Last: c.ownErr}
	if c.isGone {
		e.Version = 0
	}
	if c.repo == nil {
		return e
	}
	e.Table = c.repo.Table()
	if c.key != nil {
		e.Key = c.repo.KeyText(*c.key)
	}
	if c.hub != nil && c.key != nil {
		s, last := c.hub.last(*c.key)
		if e.ReadAt = s.at; last != nil {
			e.Last = last
		}
	}
	if !isOfCtx(err) {
		e.Last = nil
	}
	return e
}
