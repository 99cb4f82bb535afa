package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// guard is a session variable with which what a call has acknowledged could vanish or change, beside those that
// the audit reads itself: what Open sets it to, and what New refuses. docs/SESSIONS.md has all variables.
type guard struct {
	name string
	open string // what Open sets, empty where an account without privileges may not
	safe []string
	why  string // what another value would do
}

// guards are asked for by name, so that one which a product or version does not have is passed over. Those that
// Open does not set need a privilege, and no init_connect can have set them for an account without it.
var guards = []guard{
	{"check_constraint_checks", "1", []string{"ON"}, "what a CHECK refuses is stored"},
	{"system_versioning_asof", "DEFAULT", []string{"DEFAULT"}, "reads see the past"},
	{"sql_notes", "1", []string{"ON"}, "a duplicate in another table is taken for one in the entity's own"},
	{"wsrep_dirty_reads", "0", []string{"OFF"}, "a node that has lost its cluster answers with old data"},
	{"use_secondary_engine", "'OFF'", []string{"ON", "OFF"}, "reads see a copy that may be behind"},
	{"insert_id", "0", []string{"0"}, "the next row gets this key"},
	{"sql_log_bin", "", []string{"ON"}, "no replica gets what is written, and a failover loses it"},
	{"gtid_next", "", []string{"AUTOMATIC"}, "a transaction whose number was used is acknowledged and left out"},
	{"gtid_seq_no", "", []string{"0"}, "a replica leaves out a transaction whose number was used"},
	{"skip_replication", "", []string{"OFF"}, "a replica may leave out what is written"},
	{"pseudo_slave_mode", "", []string{"OFF"}, "statements are taken for those of a replica"},
	{"pseudo_replica_mode", "", []string{"OFF"}, "statements are taken for those of a replica"},
	{"wsrep_on", "", nil, "no other node of the cluster gets what is written"}, // safe as the whole server has it
}

// leastErrors is the least max_error_count by which the note about a trigger is kept beside its error.
const leastErrors = 2

// readGuards reads the session variables that the guards name, for audit.
func readGuards(ctx context.Context, db *sql.DB) (map[string]string, error) {
	names := []string{"'max_error_count'"}
	for _, g := range guards {
		names = append(names, "'"+g.name+"'")
	}
	rows, err := db.QueryContext(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN ("+strings.Join(names, ", ")+")")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		found[strings.ToLower(name)] = value
	}
	return found, rows.Err()
}

// unguarded names the guards whose value is unsafe, for New, with what to do about each.
func unguarded(found map[string]string) (problems []string) {
	for _, g := range guards {
		value, ok := found[g.name]
		if ok && len(g.safe) > 0 && !slices.Contains(g.safe, strings.ToUpper(value)) {
			problems = append(problems, fmt.Sprintf("%s is %s, so that %s: take it out of the DSN and out of the "+
				"server's init_connect and settings", g.name, value, g.why))
		}
	}
	if value, ok := found["max_error_count"]; ok && len(value) == 1 && value < fmt.Sprint(leastErrors) {
		problems = append(problems, "max_error_count is "+value+", so that a duplicate in another table is taken for "+
			"one in the entity's own: add max_error_count=64 to the DSN")
	}
	return problems
}

// guarded are the settings of Open that keep the guards, of those variables that the server has. MySQL lets an
// account without privileges set the one alone, and so no init_connect either.
func guarded(s server, found map[string]string) map[string]string {
	params := map[string]string{}
	for _, g := range guards {
		if _, ok := found[g.name]; ok && g.open != "" && (s.isMariaDB || g.name == "use_secondary_engine") {
			params[g.name] = g.open
		}
	}
	if s.isMariaDB {
		params["max_error_count"] = "64"
	}
	return params
}

// guardOf says what a parameter of a DSN would break, for those that the guards keep.
func guardOf(name string) (why string, ok bool) {
	for _, g := range guards {
		if g.name == name {
			return "else " + g.why, true
		}
	}
	if name == "max_error_count" {
		return "the note about a trigger is kept beside its error", true
	}
	return "", false
}
