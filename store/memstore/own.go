package memstore

import "sync/atomic"

// ownChanges are what a transaction has changed and not committed. It holds the locks of these rows, so that nobody
// else changes them meanwhile.
type ownChanges struct {
	tables []*ownRows
	orders orders // of what the transaction sees
}

// ownRows are the changes of one table.
type ownRows struct {
	table   int             // its number
	changes map[string]*row // by key; nil deletes

	// merged is what the transaction sees of the table: base, which was committed when it last looked at
	// more than one row, with its own changes but those of unread. It is not there, and unread nil, until
	// the transaction first looks.
	base, merged tree[*row]
	unread       map[string]bool
}

// of returns the changes of a table, nil where there are none.
func (o *ownChanges) of(table int) *ownRows {
	for _, own := range o.tables {
		if own.table == table {
			return own
		}
	}
	return nil
}

// set changes a row; a nil row deletes it.
func (o *ownChanges) set(table int, key string, r *row) {
	own := o.of(table)
	if own == nil {
		own = &ownRows{table: table, changes: map[string]*row{}}
		o.tables = append(o.tables, own)
	}
	own.changes[key] = r
	if own.unread != nil {
		own.unread[key] = true
	}
}

// over returns what the owner sees of the table when others have committed so much.
func (own *ownRows) over(committed tree[*row], looked *atomic.Int64) tree[*row] {
	e := new(edit)
	if own.unread == nil {
		own.merged = committed
		for key, r := range own.changes {
			own.merged = own.merged.set(e, key, r)
		}
	} else {
		steps := difference(own.base, committed, func(key string, _, current *row) {
			if _, isOwn := own.changes[key]; !isOwn {
				own.merged = own.merged.set(e, key, current)
			}
		})
		for key := range own.unread {
			own.merged = own.merged.set(e, key, own.changes[key])
		}
		looked.Add(int64(steps + len(own.unread)))
	}
	own.base, own.unread = committed, map[string]bool{}
	return own.merged
}
