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
}

// parse reads a DSN for Open. Its errors name the parameter that is wrong, and hold nothing else of the DSN,
// which has a password. Without it the driver's own errors would quote the DSN, and its parameters would
// undo what configure sets.
func parse(dsn string) (*mysqldriver.Config, error) {
	var problems []string
	if _, query, ok := cutParams(dsn); ok {
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			switch why, ok := reserved[name]; {
			case ok && name == "charset" && strings.HasPrefix(strings.ToLower(value), "utf8mb4"):
			case ok && name == "collation" && strings.HasPrefix(strings.ToLower(value), "utf8mb4"):
			case ok:
				problems = append(problems, fmt.Sprintf("take %s out of it (%s)", name, why))
			case name == "loc" && !isUTC(value):
				problems = append(problems, "loc must be UTC")
			case name == "parseTime" && !isTrue(value):
				problems = append(problems, "parseTime must be true")
			case name == "strict":
				problems = append(problems, "take strict out of it (the driver knows it no longer)")
			default:
				if !isReadable(name, value) {
					problems = append(problems, fmt.Sprintf("the value of %s cannot be read", sqldb.Printable(name)))
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

// configure sets what each connection of Open's pool needs for the guarantees, whatever the server's own
// defaults are. All of Params is one statement, sent once for each connection.
func configure(cfg *mysqldriver.Config, found *settings, o Options) {
	baseConfig(cfg)
	if cfg.MaxAllowedPacket <= 0 || cfg.MaxAllowedPacket > found.packet {
		cfg.MaxAllowedPacket = found.packet // so that a value that is too large is refused here
	}
	wait := fmt.Sprint(int((o.LockTimeout + time.Second - 1) / time.Second))
	params := map[string]string{
		"sql_mode":                 sqlMode,
		"time_zone":                "'+00:00'",
		found.server.isolation():   "'READ-COMMITTED'",
		"innodb_lock_wait_timeout": wait,
		"lock_wait_timeout":        wait,
		"autocommit":               "1",
		"character_set_client":     "utf8mb4",
		"character_set_results":    "utf8mb4",
		"collation_connection":     found.server.collation(),
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
