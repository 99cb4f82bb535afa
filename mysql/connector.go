package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/internal/sqldb"
)

// reserved are the parameters of a DSN that Open sets itself, with what they would break.
var reserved = map[string]string{
	"sql_mode":                 "a mode that is not strict cuts values without an error",
	"time_zone":                "times are kept in UTC",
	"transaction_isolation":    "transactions are READ COMMITTED",
	"tx_isolation":             "transactions are READ COMMITTED",
	"innodb_lock_wait_timeout": "it is Options.LockTimeout",
	"character_set_client":     "text is utf8mb4",
	"character_set_connection": "text is utf8mb4",
	"character_set_results":    "text is utf8mb4",
	"collation_connection":     "text is utf8mb4",
	"charset":                  "text is utf8mb4",
	"collation":                "text is utf8mb4",
	"autocommit":               "a call without a Tx is a transaction of its own",
	"completion_type":          "a transaction ends with its COMMIT",
	"lock_wait_timeout":        "it is Options.LockTimeout",
	"sql_select_limit":         "a query reads all its rows",
	"sql_auto_is_null":         "NULL is NULL",
	"sql_safe_updates":         "a statement writes what its WHERE selects",
	"foreign_key_checks":       "what a constraint refuses is not stored",
	"unique_checks":            "what a unique index refuses is not stored",
	"tx_read_only":             "a call may write",
	"transaction_read_only":    "a call may write",
	"max_sort_length":          "an order of texts looks at all of them",
	"insert_id":                "keys are made by the table",
	"timestamp":                "the server's clock goes on",
}

// variable is the session variable that a parameter of a DSN sets. MySQL takes its name in any case, and
// in several forms: `Autocommit`, `@@session.autocommit`. isPlain says that the parameter has the one form
// in which it can be looked up.
func variable(param string) (name string, isPlain bool) {
	name, err := url.QueryUnescape(param)
	if err != nil {
		return param, false
	}
	name = strings.ToLower(name)
	return name, isPlainName(name)
}

func isPlainName(name string) bool {
	return strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// isOneValue reports whether the value of a parameter is one value, and does not go on with another
// assignment: the driver puts it into a SET statement as it is.
func isOneValue(value string) bool {
	value, err := url.QueryUnescape(value)
	if err != nil {
		return false
	}
	quote := rune(0)
	for _, c := range value {
		switch {
		case quote == 0 && (c == '\'' || c == '"' || c == '`'):
			quote = c
		case c == quote:
			quote = 0
		case c == '\\', quote == 0 && strings.ContainsRune(",;=@", c):
			return false
		}
	}
	return quote == 0
}

// parse reads a DSN for Open. Its errors name the parameter that is wrong, and hold nothing else of the DSN,
// which has a password. Without it the driver's own errors would quote the DSN, and its parameters would
// undo what configure sets.
func parse(dsn string) (*mysqldriver.Config, error) {
	var problems []string
	if _, query, ok := cutParams(dsn); ok {
		for i, part := range strings.Split(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			// Of a DSN that is cut at the wrong place a part of the password may stand here.
			shown := fmt.Sprintf("parameter %d", i+1)
			if isOfClient(name) {
				shown = name
			}
			plain, isPlain := variable(name)
			why, ok := reserved[plain]
			if !ok {
				why, ok = guardOf(plain)
			}
			switch {
			case !isPlain:
				problems = append(problems, shown+" is no plain name of a variable")
			case ok && name == "charset" && strings.HasPrefix(strings.ToLower(value), "utf8mb4"):
			case ok && name == "collation" && strings.HasPrefix(strings.ToLower(value), "utf8mb4"):
			case ok:
				problems = append(problems, fmt.Sprintf("take %s out of it (%s)", sqldb.Printable(name), why))
			case name == "loc" && !isUTC(value):
				problems = append(problems, "loc must be UTC")
			case name == "parseTime" && !isTrue(value):
				problems = append(problems, "parseTime must be true")
			case name == "strict":
				problems = append(problems, "take strict out of it (the driver knows it no longer)")
			default:
				switch {
				case isOfServer(name) && !isOneValue(value):
					problems = append(problems, shown+" has more than one value")
				case !isReadable(name, value):
					problems = append(problems, fmt.Sprintf("the value of %s cannot be read", shown))
				}
			}
		}
	}
	if len(problems) > 0 {
		return nil, backend.Invalidf("the DSN: %s", strings.Join(problems, "; "))
	}
	cfg, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		return nil, backend.Invalidf("the DSN cannot be read: it is user:password@tcp(host:port)/database, " +
			"with ?name=value&name=value after it")
	}
	if problems := transportOf(cfg).refusals(); len(problems) > 0 {
		return nil, backend.Invalidf("the DSN: %s", strings.Join(problems, "; "))
	}
	secure(cfg)
	return cfg, nil
}

// cutParams splits a DSN at the question mark of its parameters, which comes after the last slash.
func cutParams(dsn string) (before, query string, found bool) {
	slash := strings.LastIndexByte(dsn, '/')
	before, query, found = strings.Cut(dsn[slash+1:], "?")
	return dsn[:slash+1] + before, query, found
}

func isUTC(value string) bool {
	name, err := url.QueryUnescape(value)
	return err == nil && (name == "UTC" || name == "")
}

func isTrue(value string) bool {
	switch value {
	case "1", "true", "TRUE", "True":
		return true
	}
	return false
}

// isReadable asks the driver whether it understands one parameter, away from user and password.
func isReadable(name, value string) bool {
	_, err := mysqldriver.ParseDSN("tcp(127.0.0.1:3306)/?" + name + "=" + value)
	return err == nil
}

// isOfServer reports whether the driver knows no parameter of this name, and sets a session variable.
func isOfServer(name string) bool {
	if name == "strict" { // over which the driver panics
		return false
	}
	cfg, err := mysqldriver.ParseDSN("tcp(127.0.0.1:3306)/?" + name + "=1")
	if err != nil {
		return false
	}
	_, ok := cfg.Params[name]
	return ok
}

// isOfClient reports whether a name is that of one of the driver's own parameters, which an error may say.
func isOfClient(name string) bool { return isPlainName(name) && !isOfServer(name) }

// sqlMode is MySQL's own default, with the key 0 a key like any other.
const sqlMode = "'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO," +
	"NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"

// baseConfig sets what each connection needs and the server has no part in.
func baseConfig(cfg *mysqldriver.Config) {
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.RejectReadOnly = true
	cfg.Logger = &mysqldriver.NopLogger{}
}

// longestSilence is how long a connection of Open waits for the server in the middle of an answer, unless the DSN says
// readTimeout or writeTimeout. It is longer than any statement of a game takes, and as an index over a large table may.
const longestSilence = 10 * time.Minute

// configure sets what each connection of Open's pool needs for the guarantees, whatever the server's own
// defaults are. All of Params is one statement, sent once for each connection.
func configure(cfg *mysqldriver.Config, found *settings, o Options) {
	baseConfig(cfg)
	if cfg.MaxAllowedPacket <= 0 || cfg.MaxAllowedPacket > found.packet {
		cfg.MaxAllowedPacket = found.packet // so that a value that is too large is refused here
	}
	// A ctx without a deadline is not the only bound on a server that says nothing more.
	cfg.ReadTimeout = backend.OrDefault(cfg.ReadTimeout, longestSilence)
	cfg.WriteTimeout = backend.OrDefault(cfg.WriteTimeout, longestSilence)
	wait := fmt.Sprint(int((o.LockTimeout + time.Second - 1) / time.Second))
	params := map[string]string{
		"sql_mode":                 sqlMode,
		"time_zone":                "'+00:00'",
		found.server.isolation():   "'READ-COMMITTED'",
		"innodb_lock_wait_timeout": wait,
		"lock_wait_timeout":        wait,
		found.server.readOnly():    "0",
		"autocommit":               "1",
		"completion_type":          "0",
		"sql_select_limit":         "18446744073709551615",
		"sql_auto_is_null":         "0",
		"sql_safe_updates":         "0",
		"foreign_key_checks":       "1",
		"unique_checks":            "1",
		"max_sort_length":          fmt.Sprint(found.sorted()),
		"character_set_client":     "utf8mb4",
		"character_set_results":    "utf8mb4",
		"collation_connection":     found.server.collation(),
	}
	for name, value := range guarded(found.server, found.guards) {
		params[name] = value
	}
	for name, value := range cfg.Params {
		params[name] = value
	}
	cfg.Params = params
}

// connectOnce asks the server what it is, for Open: some settings have another name or value on each server,
// and no connection of the pool may be made without them.
func connectOnce(ctx context.Context, cfg *mysqldriver.Config) (*settings, error) {
	first := cfg.Clone()
	baseConfig(first)
	connector, err := mysqldriver.NewConnector(first)
	if err != nil {
		return nil, backend.Invalidf("the DSN cannot be used")
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	found, err := audit(ctx, db)
	if err != nil {
		return nil, err
	}
	return found, nil
}
