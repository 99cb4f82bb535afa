package sqldb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// compareForeignKeys names foreign keys that change rows without the library, and without a version or a trigger
// that could tell.
func (r *comparer) compareForeignKeys() {
	for _, k := range r.live.ForeignKeys {
		columns := strings.Join(k.Columns, ", ")
		var changes []string
		if k.OnDelete == "SET NULL" || k.OnDelete == "SET DEFAULT" {
			changes = append(changes, "ON DELETE "+k.OnDelete)
		}
		if k.OnUpdate == "CASCADE" || k.OnUpdate == "SET NULL" || k.OnUpdate == "SET DEFAULT" {
			changes = append(changes, "ON UPDATE "+k.OnUpdate)
		}
		switch {
		case !k.IsOurs && (len(changes) > 0 || k.OnDelete == "CASCADE"):
			r.add(driver.SeverityNote, k.Name, fmt.Sprintf("the foreign key of %s changes or deletes its rows when a "+
				"row here goes or has another %s, without a trigger or a version that tells", k.Table, columns), "")
		case !k.IsOurs:
		case len(changes) > 0:
			severity := driver.SeverityNote
			if slices.ContainsFunc(k.Columns, r.isMapped) {
				severity = driver.SeverityWeaker
			}
			r.add(severity, k.Name, fmt.Sprintf("the foreign key (%s) changes %s when a row of %s goes or changes, "+
				"and no trigger moves the version then: a Save of an older copy is no conflict, and stores what it "+
				"has",
				strings.Join(changes, ", "), columns, k.Table), "")
		case k.OnDelete == "CASCADE":
			r.add(driver.SeverityNote, k.Name, fmt.Sprintf("the foreign key deletes rows with those of %s (ON DELETE "+
				"CASCADE), and no trigger runs for them: a copy of one is then ErrNotFound", k.Table), "")
		}
	}
}

// compareTriggers names the triggers of the plan that are missing, and those of others that may change what a write
// stores.
func (r *comparer) compareTriggers() {
	var own []string
	for _, t := range r.dialect.Triggers(r.spec, r.table) {
		own = append(own, t.Name)
		if !r.live.hasTrigger(t.Name) {
			r.add(t.Severity, t.Name, t.Problem, t.DDL)
		}
	}
	for _, t := range r.live.Triggers {
		if !t.Writes || slices.Contains(own, t.Name) {
			continue
		}
		if t.IsInstead {
			r.add(driver.SeverityWeaker, t.Name, fmt.Sprintf("the trigger (%s) runs in place of what the library "+
				"sends, and decides what is stored: it must write the row as the statement would, version and all",
				t.Event), "")
			continue
		}
		if hasWord(t.Body, r.spec.Version.Path) {
			r.add(driver.SeverityWeaker, t.Name, fmt.Sprintf("the trigger (%s) names the version: where it moves the "+
				"version of a write that has moved it already, the next Save of that copy is a conflict; it should "+
				"leave a version that has changed", t.Event), "")
			continue
		}
		r.add(driver.SeverityNote, t.Name, fmt.Sprintf("the trigger (%s) may change what a write stores: a mapped "+
			"column that it sets needs the tag store:\"generated\"", t.Event), "")
	}
}

// compareCombined names what looks at each row that is written, and so at the last of the states alone that combined
// calls have made.
func (r *comparer) compareCombined() {
	for _, name := range r.live.Checks {
		r.add(driver.SeverityNote, name, "the check sees the last state alone of calls that share a write "+
			"(RepositoryOptions.Combine): what one of them breaks and the next mends is stored; Validate sees each", "")
	}
	for _, t := range r.live.Triggers {
		if t.OnUpdate() {
			r.add(driver.SeverityNote, t.Name, fmt.Sprintf("the trigger (%s) runs once for calls that share a write "+
				"(RepositoryOptions.Combine), on the last state", t.Event), "")
		}
	}
}

// hasWord reports whether the body of a trigger names a column as a word.
func hasWord(body, column string) bool {
	isWord := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 0x80
	}
	body, column = strings.ToLower(body), strings.ToLower(column)
	for from := 0; ; {
		i := strings.Index(body[from:], column)
		if i < 0 || column == "" {
			return false
		}
		i += from
		end := i + len(column)
		if (i == 0 || !isWord(body[i-1])) && (end == len(body) || !isWord(body[end])) {
			return true
		}
		from = end
	}
}
