package memstore

import (
	"context"
	"slices"
)

// change is the change of one row: from old to data, nil for no row.
type change struct {
	key    string
	old    []any
	data   []any
	lock   *lock // of the row
	claims []claim
}

// claim is what a change does to one unique index: it takes a value, or frees one.
type claim struct {
	lock  *lock
	index *uniqueIndex
	takes bool
}

// lockValues locks the values that leave and enter the unique indexes of a table with some changes,
// whose rows are locked.
func (e *engine) lockValues(ctx context.Context, t *transaction, tab *table, changes []change) error {
	// An index may be made during a wait: its values must be locked too.
	for made := -1; made != len(tab.unique); {
		made = len(tab.unique)
		for i := range changes {
			if err := e.lockClaims(ctx, t, tab, &changes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockClaims finds out what one change does to each unique index, for lockValues, and locks those values.
// A value that leaves is locked too: until this transaction has committed, nobody else may take it, since a
// rollback would give it back.
func (e *engine) lockClaims(ctx context.Context, t *transaction, tab *table, ch *change) error {
	ch.claims = ch.claims[:0]
	for i, index := range tab.unique {
		before, had := index.entry(ch.old)
		after, has := index.entry(ch.data)
		if had && has && before == after {
			continue
		}
		if had {
			l, _, err := e.locks.acquire(ctx, &t.owner, lockID{tab.number, i + 1, before})
			if err != nil {
				return err
			}
			ch.claims = append(ch.claims, claim{lock: l, index: index})
		}
		if has {
			l, _, err := e.locks.acquire(ctx, &t.owner, lockID{tab.number, i + 1, after})
			if err != nil {
				return err
			}
			ch.claims = append(ch.claims, claim{lock: l, index: index, takes: true})
		}
	}
	return nil
}

// checkUnique returns the error of a change that would give a unique value to a second row.
func (ch *change) checkUnique(t *transaction) error {
	for _, c := range ch.claims {
		holder := c.holder(t)
		if !c.takes || holder == "" || holder == ch.key {
			continue
		}
		tab := c.lock.id.table
		if t.snapshot != nil {
			seen, ok := c.index.entry(rowAt(t.engine.present(t), tab, holder).values())
			if !ok || seen != c.lock.id.key {
				return errWritten
			}
		}
		return duplicate(c.index.name)
	}
	return nil
}

// holder returns the key of the row that holds the value, as the owner t of its lock sees it, empty where
// there is none.
func (c claim) holder(t *transaction) string {
	id := c.lock.id
	if c.lock.isClaimed {
		return c.lock.holder
	}
	return t.engine.state.Load().table(id.table).holder(id.index-1, id.key)
}

// put makes a change, which must have been checked, a pending one of t.
func (t *transaction) put(tab *table, ch *change) {
	var r *row
	if ch.data != nil {
		r = &row{key: ch.key, data: ch.data}
	}
	t.own.set(tab.number, ch.key, r)
	for _, c := range ch.claims {
		c.lock.isClaimed, c.lock.holder = true, ""
		if c.takes {
			c.lock.holder = ch.key
		}
	}
	if len(tab.key) == 1 && ch.data != nil {
		if key, ok := ch.data[tab.key[0]].(int64); ok {
			tab.lastKey = max(tab.lastKey, key)
		}
	}
}

// insert makes new rows, all or none.
func (e *engine) insert(ctx context.Context, t *transaction, tab *table, changes []change) error {
	for i := range changes {
		l, _, err := e.locks.acquire(ctx, &t.owner, lockID{table: tab.number, key: changes[i].key})
		if err != nil {
			return err
		}
		changes[i].lock = l
	}
	if err := e.lockValues(ctx, t, tab, changes); err != nil {
		return err
	}
	var taken map[*lock]bool // by an earlier row of this batch
	if len(changes) > 1 {
		taken = make(map[*lock]bool, len(changes))
	}
	for i := range changes {
		ch := &changes[i]
		if e.changedSince(t, ch.lock.id) {
			return errWritten
		}
		if taken[ch.lock] || rowAt(e.present(t), tab.number, ch.key) != nil {
			return duplicate(primary)
		}
		if err := ch.checkUnique(t); err != nil {
			return err
		}
		if j := slices.IndexFunc(ch.claims, func(c claim) bool { return taken[c.lock] }); j >= 0 {
			return duplicate(ch.claims[j].index.name)
		}
		if taken == nil {
			continue
		}
		taken[ch.lock] = true
		for _, c := range ch.claims {
			taken[c.lock] = true
		}
	}
	for i := range changes {
		t.put(tab, &changes[i])
	}
	return nil
}
