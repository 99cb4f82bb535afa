package mysql

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

// openSets are the variables that Open sets on a server, where all of the guards' exist.
func openSets(s server) map[string]string {
	found := &settings{server: s, packet: 1 << 24, guards: map[string]string{"max_error_count": ""}}
	for _, g := range guards {
		found.guards[g.name] = ""
	}
	cfg := mysqldriver.NewConfig()
	configure(cfg, found, Options{LockTimeout: 3 * time.Second})
	return cfg.Params
}

// products are those whose settings differ.
var products = map[string]server{
	"MySQL":           {version: [3]int{9, 7, 0}},
	"MariaDB":         {isMariaDB: true, version: [3]int{10, 11, 0}},
	"MariaDB of 11.1": {isMariaDB: true, version: [3]int{11, 1, 0}},
}

// guardedNames are the variables that Open sets or New looks at, with why.
func guardedNames() map[string]string {
	names := map[string]string{
		"character_set_connection": reserved["character_set_connection"],
		"max_error_count":          "without it a duplicate in another table is taken for one in the entity's own",
	}
	for name, why := range reserved {
		names[name] = why
	}
	for _, g := range guards {
		names[g.name] = "else " + g.why
	}
	for _, s := range products {
		for name := range openSets(s) {
			if names[name] == "" {
				names[name] = "a call may write"
			}
		}
	}
	delete(names, "charset") // of the client, which are no variables
	delete(names, "collation")
	return names
}

// TestSessionVariables asks each server for all of its session variables, and has a verdict on each.
func TestSessionVariables(t *testing.T) {
	t.Parallel()
	verdicts := map[string]bool{}
	for name := range guardedNames() {
		verdicts[name] = true
	}
	for _, g := range harmless {
		for name := range strings.FieldsSeq(g.names) {
			if name != "timestamp" { // which a DSN must not set either
				assert.False(t, verdicts[name], "%s has two verdicts", name)
			}
			verdicts[name] = true
		}
	}
	testbed.Documented(t, "SESSIONS.md", "mysql", sessionsMarkdown(), *update)
	for product, start := range map[string]func(testing.TB) *testbed.Server{
		"MariaDB": testbed.MariaDB, "MySQL": testbed.MySQL,
	} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			dsn := start(t).Database(t)
			db, err := Open(t.Context(), dsn, nil)
			require.NoError(t, err)
			defer db.Close()
			native, _ := Native(db)
			// The scope of a variable, which the two tell in different places.
			table := "information_schema.SYSTEM_VARIABLES"
			if product == "MySQL" {
				table = "performance_schema.variables_metadata"
			}
			query := "SELECT LOWER(VARIABLE_NAME) FROM " + table + " WHERE VARIABLE_SCOPE <> 'GLOBAL'"
			var names []string
			require.NoError(t, native.SelectContext(t.Context(), &names, query))
			require.Greater(t, len(names), 100)
			for _, name := range names {
				assert.True(t, verdicts[name], "%s has no verdict: guards, or harmless", name)
			}
		})
	}
}

// sessionsMarkdown is the part of docs/SESSIONS.md about MySQL and MariaDB.
func sessionsMarkdown() string {
	var b strings.Builder
	b.WriteString("| variable | Open sets | New | why |\n|---|---|---|---|\n")
	names := guardedNames()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var values []string
		for _, product := range slices.Sorted(maps.Keys(products)) {
			value, ok := openSets(products[product])[name]
			if ok && !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
		value := strings.Join(values, " or ")
		if name == "max_sort_length" {
			value = "a 32nd of sort_buffer_size, 65536 at most"
		}
		if value == "" {
			value = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, value, newDoes(name), names[name])
	}
	b.WriteString("\nThese are left as they are:\n")
	for _, g := range harmless {
		b.WriteString("\n| " + g.why + " |\n|---|\n| " + strings.Join(strings.Fields(g.names), ", ") + " |\n")
	}
	return b.String()
}

// newDoes is what New does about a guarded variable.
func newDoes(name string) string {
	switch name {
	case "completion_type":
		return "any: COMMIT says AND NO CHAIN"
	case "transaction_isolation", "tx_isolation", "tx_read_only", "transaction_read_only":
		return "any: each transaction says it, and a write that is refused is told"
	case "sql_safe_updates":
		return "any: each write names its key"
	case "lock_wait_timeout":
		return "any: a call ends with its ctx"
	case "max_sort_length":
		return "any: what it cannot tell apart is refused when it is met"
	case "timestamp":
		return "any: no statement asks the server's clock"
	case "wsrep_on":
		return "any: it needs a privilege"
	}
	return "refuses what is unsafe"
}

// TestSilenceIsBounded has Open bound how long the server says nothing, unless the DSN does.
func TestSilenceIsBounded(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]time.Duration{
		"tcp(127.0.0.1:1)/x": longestSilence,
		"tcp(127.0.0.1:1)/x?readTimeout=1h&writeTimeout=1h":      time.Hour,
		"tcp(127.0.0.1:1)/x?readTimeout=90ms&writeTimeout=0.09s": 90 * time.Millisecond,
	} {
		cfg, err := parse(dsn)
		require.NoError(t, err)
		configure(cfg, &settings{}, Options{})
		assert.Equal(t, want, cfg.ReadTimeout, dsn)
		assert.Equal(t, want, cfg.WriteTimeout, dsn)
	}
}
