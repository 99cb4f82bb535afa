package sqldb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// compareKey looks for what makes the key unique. Without it two rows can have one key, and an Insert of a key
// that is there is no ErrDuplicate. A table that has another primary key gets a unique index beside it.
func (r *comparer) compareKey() {
	var names []string
	for i := range r.keys() {
		names = append(names, r.columns[i].field.Path)
	}
	list := strings.Join(names, ", ")
	var primary, unique, ordered *LiveIndex
	nullable := false
	for _, name := range names {
		k := r.live.column(name)
		nullable = nullable || k != nil && k.Nullable
	}
	for i := range r.live.Indexes {
		x := &r.live.Indexes[i]
		if x.Primary {
			primary = x
		}
		if x.Unique && x.covers(names, false) {
			unique = x
		}
		if x.covers(names, true) {
			ordered = x
		}
	}
	beside := "CREATE UNIQUE INDEX " + r.freeName("key", names) + " ON " + r.table + " (" + r.keyList() + ")"
	if field, problem := r.checkKey(r.live); unique == nil && problem != "" {
		r.add(driver.SeverityMust, "", "no unique index is over the key ("+list+"), and none can be made: "+field+" "+
			problem)
		return
	}
	switch {
	case unique == nil && primary == nil && !nullable:
		r.add(driver.SeverityMust, "", "no unique index is over the key ("+list+")",
			r.dialect.AddKey(r.table, r.keyList()))
	case unique == nil:
		r.add(driver.SeverityMust, "", "no unique index is over the key ("+list+")", beside)
	case ordered == nil:
		problem := fmt.Sprintf("the unique index over the key has its parts in another order (%s) than the mapping "+
			"(%s): orders and pages by the key are slower", strings.Join(unique.Columns, ", "), list)
		r.add(driver.SeverityWeaker, "", problem, beside)
	}
	if unique != nil && primary != nil && !primary.covers(names, false) {
		problem := fmt.Sprintf("the primary key of the table is (%s), and the key of the mapping (%s): a search by "+
			"the key takes a step more", strings.Join(primary.Columns, ", "), list)
		r.add(driver.SeverityNote, "", problem, "")
	}
}

// freeName is a quoted name for an index that no other index of the table has.
func (r *comparer) freeName(first string, names []string) string {
	name := strings.Join(append([]string{first}, names...), "_")
	free := name
	for i := 2; r.live.index(free) != nil; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	return r.dialect.Quote(free)
}

// serves reports whether a live index does what the plan's index is for, whatever its name: another one does no harm
// but in errors, which show it.
func serves(live *LiveIndex, x *driver.Index) bool {
	var names []string
	for _, f := range x.Fields {
		names = append(names, f.Path)
	}
	return live.covers(names, !x.Unique) && (live.Unique || !x.Unique)
}

// compareIndex looks for an index that serves as the plan's. One that only has its name is of other programs, and
// stays: the missing one is made beside it.
func (r *comparer) compareIndex(x *driver.Index) {
	for i := range r.live.Indexes {
		if serves(&r.live.Indexes[i], x) {
			return
		}
	}
	severity, problem := driver.SeverityWeaker, "the index does not exist: what it would serve is slower"
	if x.Unique {
		severity, problem = driver.SeverityMust, "the unique index does not exist: two rows can have one value; the "+
			"fix fails where two have, and refuses it from other programs too"
	}
	if field, refused := r.dialect.CheckIndex(x.Fields, r.live, false); refused != "" {
		r.add(severity, x.Name, problem+"; none can be made: "+field+" "+refused)
		return
	}
	made := *x
	if live := r.live.index(x.Name); live != nil {
		free := x.Name
		for i := 2; r.live.index(free) != nil; i++ {
			free = x.Name + "_" + strconv.Itoa(i)
		}
		made.Name = free
		switch {
		case live.Partial:
			problem = "the index is over some of the rows, or parts of the columns"
		case x.Unique && !live.Unique:
			problem = "the index is not unique"
		default:
			problem = "the index is over other columns (" + strings.Join(live.Columns, ", ") + ")"
		}
		problem += "; it stays, for what uses it, and the fix makes another one beside it"
	}
	r.add(severity, x.Name, problem, r.createIndex(&made))
	if severity != driver.SeverityMust {
		r.migration = append(r.migration, r.createIndex(&made))
	}
}

// compareRules names unique indexes that the mapping does not know, and that refuse what it allows. They are rules of
// the table, which other programs may count on: no statement drops them.
func (r *comparer) compareRules() {
	var key []string
	for i := range r.keys() {
		key = append(key, r.columns[i].field.Path)
	}
	for i := range r.live.Indexes {
		x := &r.live.Indexes[i]
		if !x.Unique || x.includes(key) || r.isAsked(x) {
			continue
		}
		over, isMapped := "("+strings.Join(x.Columns, ", ")+")", false
		for _, name := range x.Columns {
			isMapped = isMapped || r.isMapped(name)
		}
		if !isMapped {
			continue
		}
		if x.Partial {
			over = "parts of " + over
		}
		problem := fmt.Sprintf("the index is unique over %s, and the mapping does not ask for that: a row whose "+
			"values are taken is refused (ErrExists); it is a rule of the table, which stays: a tag unique=%s says "+
			"the same, or drop it where no program counts on it", over, x.Name)
		r.add(driver.SeverityWeaker, x.Name, problem, "")
	}
}

// isAsked reports whether the plan has a unique index over the columns of a live one, or over some of them.
func (r *comparer) isAsked(live *LiveIndex) bool {
	for i := range r.spec.Indexes {
		x := &r.spec.Indexes[i]
		var names []string
		for _, f := range x.Fields {
			names = append(names, f.Path)
		}
		if x.Unique && live.includes(names) {
			return true
		}
	}
	return false
}
